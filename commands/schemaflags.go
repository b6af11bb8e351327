package commands

import (
	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
)

// schemaFlags say where a schema comes from, if not from the server.
type schemaFlags struct {
	protos, imports, protosets []string
	service                    string
}

func (s *schemaFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&s.protos, "proto", nil, "take the schema from this .proto `file`; repeatable")
	flags.StringArrayVar(&s.imports, "import-path", nil, "look for .proto files in this `folder`; repeatable")
	flags.StringArrayVar(&s.protosets, "protoset", nil, "take the schema from this `file` with a FileDescriptorSet; repeatable")
	flags.StringVar(&s.service, "service", "", "the `name` of the service, in the catalog or of the schema, that is meant")
}

// given reads the schema that the flags name, nil for none.
func (s *schemaFlags) given() (*reflection.Schema, error) {
	switch {
	case len(s.protos) > 0 && len(s.protosets) > 0:
		return nil, &fleet.Error{Kind: fleet.Usage, What: "--proto contradicts --protoset", Hint: "leave one of them out"}
	case len(s.protos) > 0:
		return reflection.FromProtoFiles(s.imports, s.protos)
	case len(s.imports) > 0:
		return nil, &fleet.Error{Kind: fleet.Usage, What: "--import-path needs --proto"}
	case len(s.protosets) > 0:
		return reflection.FromProtosets(s.protosets)
	}
	return nil, nil //nolint:nilnil // no flags, no schema, no error
}
