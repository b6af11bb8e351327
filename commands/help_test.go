package commands

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// each calls fn for every command of the tree that help shows.
func each(cmd *cobra.Command, fn func(*cobra.Command)) {
	fn(cmd)
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			each(c, fn)
		}
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	f, _ := testFactory(nil)
	each(NewRoot(f), func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s lacks a description or an example", cmd.CommandPath())
		}
		if !cmd.HasSubCommands() && !strings.Contains(cmd.Long, "Exit codes: 0 ") {
			t.Errorf("%s: the help lists no exit codes", cmd.CommandPath())
		}
		if strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: the short description ends in a full stop", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Long) {
			if len(line) > 90 {
				t.Errorf("%s: a line of the help is longer than 90: %s", cmd.CommandPath(), line)
			}
		}
	})
}

// TestExamplesParse runs the flags and arguments of every example through the
// parsing of its command.
func TestExamplesParse(t *testing.T) {
	f, _ := testFactory(nil)
	lines := 0
	each(NewRoot(f), func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			words := shellWords(line)
			if len(words) == 0 || words[0] != "gctl" {
				continue
			}
			lines++
			// A fresh tree each time: flags keep what was parsed.
			fresh, _ := testFactory(nil)
			target, rest, err := NewRoot(fresh).Find(words[1:])
			if err == nil {
				err = target.ParseFlags(rest)
			}
			if err == nil {
				err = target.ValidateArgs(target.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), strings.TrimSpace(line), err)
			}
		}
	})
	if lines < 20 {
		t.Errorf("found only %d examples", lines)
	}
}

// shellWords splits a line as a shell does, up to the first pipe, redirection,
// list or comment. A line that begins with an assignment or another command is
// left to its reader.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, in := rune(0), false
	end := func() {
		if in {
			words = append(words, word.String())
		}
		word.Reset()
		in = false
	}
	for _, r := range strings.TrimSpace(line) {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ':
			end()
		case strings.ContainsRune("|<>&;", r), r == '#' && !in:
			end()
			return words
		default:
			word.WriteRune(r)
			in = true
		}
	}
	end()
	return words
}
