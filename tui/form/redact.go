package form

import (
	"bytes"
	"encoding/json"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// hidden stands for a secret value.
const hidden = `"(hidden)"`

// Redacted returns the JSON with every secret value replaced by "(hidden)",
// whatever its type, for what is kept: see Row.Secret for which they are.
// Entries of maps and of a google.protobuf.Struct are secret by their keys. A
// wrong text is not in it; what the row had before is. Nil: there is no JSON.
func (f *Form) Redacted() []byte {
	raw, err := f.lenient()
	if err != nil {
		return nil
	}
	r := redactor{types: f.types, in: json.NewDecoder(bytes.NewReader(raw))}
	r.in.UseNumber()
	if err := r.copy(spot{md: f.root.md}); err != nil {
		return nil
	}
	var out bytes.Buffer
	if err := json.Indent(&out, r.out.Bytes(), "", "  "); err != nil {
		return nil
	}
	return out.Bytes()
}

// lenient is JSON that does without wrong texts.
func (f *Form) lenient() (text []byte, err error) {
	defer catch(&err)
	return f.encode(f.build(f.root))
}

// redactor copies JSON beside the descriptors of what it is.
type redactor struct {
	types *resolver
	in    *json.Decoder
	out   bytes.Buffer
}

// spot says what a JSON value is: a message, the field of one, or, with
// neither, something free in a google.protobuf.Struct.
type spot struct {
	md protoreflect.MessageDescriptor
	fd protoreflect.FieldDescriptor // a list or map, as a whole; otherwise a scalar
}

// single returns the spot of one value of a field.
func single(fd protoreflect.FieldDescriptor) spot {
	if md := fd.Message(); md != nil {
		return spot{md: md}
	}
	return spot{fd: fd}
}

func (r *redactor) copy(at spot) error {
	tok, err := r.in.Token()
	if err != nil {
		return err
	}
	switch tok {
	case json.Delim('{'):
		return r.object(at)
	case json.Delim('['):
		return r.array(at)
	}
	text, err := json.Marshal(tok)
	r.out.Write(text)
	return err
}

func (r *redactor) array(at spot) error {
	if at.fd != nil {
		at = single(at.fd)
	}
	r.out.WriteByte('[')
	for i := 0; r.in.More(); i++ {
		if i > 0 {
			r.out.WriteByte(',')
		}
		if err := r.copy(at); err != nil {
			return err
		}
	}
	r.out.WriteByte(']')
	_, err := r.in.Token()
	return err
}

func (r *redactor) object(at spot) error {
	r.out.WriteByte('{')
	var inside protoreflect.MessageDescriptor // of an Any
	for i := 0; r.in.More(); i++ {
		if i > 0 {
			r.out.WriteByte(',')
		}
		tok, err := r.in.Token()
		if err != nil {
			return err
		}
		key, _ := tok.(string)
		r.out.WriteString(quote(key) + ":")
		if at.md != nil && isAny(at.md) {
			inside, err = r.inAny(inside, key)
		} else {
			err = r.member(at, key)
		}
		if err != nil {
			return err
		}
	}
	r.out.WriteByte('}')
	_, err := r.in.Token()
	return err
}

// inAny copies the value of a member of an Any, of which "@type" comes first.
func (r *redactor) inAny(inside protoreflect.MessageDescriptor, key string) (protoreflect.MessageDescriptor, error) {
	switch {
	case key == "@type":
		var url string
		if err := r.in.Decode(&url); err != nil {
			return nil, err
		}
		r.out.WriteString(quote(url))
		return r.types.message(url), nil
	case inside == nil:
		return nil, r.copy(spot{})
	case isLeaf(inside) || isAny(inside) || inside.FullName() == emptyName:
		return inside, r.copy(spot{md: inside})
	default:
		return inside, r.member(spot{md: inside}, key)
	}
}

// member copies the value of a member of an object that is no Any.
func (r *redactor) member(at spot, key string) error {
	switch next, secret := r.types.inside(at, key); {
	case secret:
		var skipped json.RawMessage
		r.out.WriteString(hidden)
		return r.in.Decode(&skipped)
	default:
		return r.copy(next)
	}
}

// inside returns what a member is, and whether it is secret.
func (r *resolver) inside(at spot, key string) (spot, bool) {
	switch {
	case at.fd != nil && at.fd.IsMap():
		return single(at.fd.MapValue()), isSecretName(key)
	case at.md == nil || isLeaf(at.md):
		return spot{}, isSecretName(key)
	}
	fd := r.fieldOf(at.md, key)
	switch {
	case fd == nil:
		return spot{}, isSecretName(key)
	case fd.IsMap() || fd.IsList():
		return spot{fd: fd}, isSecret(fd)
	default:
		return single(fd), isSecret(fd)
	}
}

// fieldOf returns the field that a name in JSON stands for, nil if there is none.
func (r *resolver) fieldOf(md protoreflect.MessageDescriptor, key string) protoreflect.FieldDescriptor {
	if len(key) > 2 && key[0] == '[' {
		xt, err := r.FindExtensionByName(protoreflect.FullName(key[1 : len(key)-1]))
		if err != nil {
			return nil
		}
		return xt.TypeDescriptor()
	}
	return md.Fields().ByJSONName(key)
}
