package file

import (
	"bytes"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// The limits of a file. The YAML library works recursively, so the nesting must
// be bounded before it sees the file.
const (
	maxSize   = 4 << 20
	maxNested = 50  // brackets open at once
	maxIndent = 200 // columns before a line's text, list dashes included
)

// checkShape rejects what could only be meant to hurt, without understanding it.
func checkShape(data []byte) error {
	if len(data) > maxSize {
		return errorAt(nil, "the file is larger than %d MiB", maxSize>>20)
	}
	nested := 0
	for n, line := range bytes.Split(data, []byte("\n")) {
		if indent := len(line) - len(bytes.TrimLeft(line, " \t-?:")); indent > maxIndent {
			return errorAt(&token.Position{Line: n + 1, Column: maxIndent + 1}, "the line is indented by more than %d columns", maxIndent)
		}
		for column, b := range line {
			switch b {
			case '[', '{':
				nested++
			case ']', '}':
				nested = max(0, nested-1)
			}
			if nested > maxNested {
				return errorAt(&token.Position{Line: n + 1, Column: column + 1}, "more than %d brackets are open", maxNested)
			}
		}
	}
	return nil
}

// findSpecial returns an anchor or alias of the tree, of which a few lines could
// stand for gigabytes, or a tag, which a list of addresses has no use for; nil if
// there is none.
func findSpecial(root ast.Node) ast.Node {
	for _, t := range []ast.NodeType{ast.AnchorType, ast.AliasType, ast.TagType} {
		if found := ast.Filter(t, root); len(found) > 0 {
			return found[0]
		}
	}
	return nil
}
