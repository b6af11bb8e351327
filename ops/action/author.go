package action

import (
	"encoding/json"

	"github.com/gctl-dev/gctl/fleet"
)

// Authors are those of the changes that the journal knows, by way of any context:
// user@host, as the account called itself. That is a claim; whom the instance saw is
// in the Actor of a change, and verified where that is the identity of a certificate.
type Authors map[mark]string

// mark tells one change from every other, also from one that reads the same. The
// instance is not part of it: by way of --addr it has another name.
type mark struct {
	resource, etag string
	expires        int64 // by the instance's clock, in nanoseconds
}

// Authors reads the journal.
func (o *Operator) Authors() (Authors, error) {
	authors := Authors{}
	err := o.Journal.Each(func(line []byte) {
		var r record
		if json.Unmarshal(line, &r) == nil && r.Phase == ended && r.ETag != "" && r.Expires != nil && r.Outcome != Failed {
			authors[mark{r.Resource, r.ETag, r.Expires.UnixNano()}] = r.By
		}
	})
	return authors, err
}

// Of is who made a change by the journal, empty where that does not know it.
func (a Authors) Of(c *fleet.Change) string {
	return a[mark{c.Resource, c.ETag, c.Expires.UnixNano()}]
}

// Signed is whom the instance saw make a change, and beside it whom the journal names.
func (a Authors) Signed(c *fleet.Change) string {
	author := a.Of(c)
	switch {
	case author == "" || author == c.Actor:
		return c.Actor
	case c.Actor == "":
		return "journal: " + author
	default:
		return c.Actor + " (journal: " + author + ")"
	}
}
