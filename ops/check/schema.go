package check

import "encoding/json"

// object is a JSON schema, or a part of one.
type object = map[string]any

// Schema returns a JSON schema of the file for editors, made from the table that
// the reader uses: https://json-schema.org/draft/2020-12.
func Schema() ([]byte, error) {
	kinds := spec()
	alternatives := make([]any, 0, len(kinds))
	for _, k := range kinds {
		subject := schemaOf(k.about)
		if k.scalar != nil {
			subject = object{"type": "string"}
		}
		subject["description"] = k.doc
		alternatives = append(alternatives, object{
			"type": "object", "additionalProperties": false, "required": []string{"name", string(k.kind)},
			"properties": object{
				"name":         object{"type": "string", "minLength": 1, "description": "the name of the check in reports, unique in the file"},
				string(k.kind): subject,
				"expect":       schemaOf(k.expect),
			},
		})
	}
	return json.MarshalIndent(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "gctl checks",
		"type": "object", "additionalProperties": false, "required": []string{"checks"},
		"properties": object{"checks": object{"type": "array", "minItems": 1, "maxItems": maxChecks, "items": object{"oneOf": alternatives}}},
	}, "", "  ")
}

func schemaOf(fields []field) object {
	properties := object{}
	var required []string
	for i := range fields {
		f := &fields[i]
		p := f.schema()
		if f.doc != "" {
			p["description"] = f.doc
		}
		properties[f.name] = p
		if f.required {
			required = append(required, f.name)
		}
	}
	o := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func (f *field) schema() object {
	scalar := object{"type": []string{"string", "number", "boolean"}}
	if len(f.oneOf) > 0 {
		scalar = object{"enum": f.oneOf}
	}
	switch f.shape {
	case duration:
		return object{"type": "string", "pattern": `^[0-9.]+(ns|us|µs|ms|s|m|h)`, "examples": []string{"300ms"}}
	case comparison:
		return object{"type": "string", "pattern": `^\s*(<=|>=|==|=|<|>)`, "examples": []string{"< " + example(f.unit)}}
	case amount:
		return object{"type": []string{"integer", "string"}, "examples": []any{2, "80%"}}
	case count:
		return object{"type": "integer", "minimum": 0}
	case yesNo:
		return object{"type": "boolean"}
	case texts:
		return object{"oneOf": []any{scalar, object{"type": "array", "items": scalar}}}
	case pairs:
		return object{"type": "object", "additionalProperties": object{"type": []string{"string", "number", "boolean"}}}
	case anything:
		return object{}
	case mapping:
		return schemaOf(f.fields)
	default:
		return scalar
	}
}
