package form

import (
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// secretWords are words that make the name they stand in secret.
var secretWords = map[string]bool{
	"password": true, "passwords": true, "passwd": true, "pwd": true, "passphrase": true, "passcode": true,
	"secret": true, "secrets": true, "token": true, "tokens": true, "jwt": true,
	"authorization": true, "credential": true, "credentials": true, "cookie": true, "cookies": true,
	"apikey": true, "privatekey": true, "accesskey": true,
}

// secretPairs are words that do so one behind the other.
var secretPairs = map[[2]string]bool{
	{"api", "key"}: true, {"private", "key"}: true, {"access", "key"}: true, {"signing", "key"}: true,
}

// isSecret tells whether the values of a field are not to be shown or kept: its
// option debug_redact is set, or its name says so. What holds numbers only, such
// as max_token or token_count, is not secret by its name.
func isSecret(fd protoreflect.FieldDescriptor) bool {
	if opts, ok := fd.Options().(*descriptorpb.FieldOptions); ok && opts.GetDebugRedact() {
		return true
	}
	v := fd
	if fd.IsMap() {
		v = fd.MapValue()
	}
	switch v.Kind() {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind, protoreflect.GroupKind:
		return isSecretName(string(fd.Name()))
	default:
		return false
	}
}

// isSecretName tells whether a name is that of something secret. The token of a
// page is none.
func isSecretName(name string) bool {
	words := wordsOf(name)
	for i, word := range words {
		before := ""
		if i > 0 {
			before = words[i-1]
		}
		if secretWords[word] && (word != "token" || before != "page") || secretPairs[[2]string{before, word}] {
			return true
		}
	}
	return false
}

// wordsOf splits snake_case, kebab-case and camelCase into small words.
func wordsOf(name string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	lower := false // the letter before was a small one
	for _, c := range name {
		switch {
		case !unicode.IsLetter(c) && !unicode.IsDigit(c):
			end()
			lower = false
			continue
		case unicode.IsUpper(c) && lower:
			end()
		}
		lower = !unicode.IsUpper(c)
		word.WriteRune(unicode.ToLower(c))
	}
	end()
	return words
}
