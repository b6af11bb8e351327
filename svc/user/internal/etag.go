package internal

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/user/repository"
)

// etag returns what stands for a user as it is now
// (https://google.aip.dev/154). The revision alone would do, but would come
// back with other contents in a store that was restored from a backup.
func etag(u repository.User) string {
	return base64.RawURLEncoding.EncodeToString(hash(fmt.Appendf(nil, "%s %d %d", u.ID, u.Revision, u.Updated.UnixNano()))[:9])
}

// expectEtag returns ABORTED if the caller knows u otherwise than it is.
func expectEtag(known string, u repository.User) error {
	present := etag(u)
	if known == "" || known == present {
		return nil
	}
	return kit.Status(codes.Aborted, "user "+u.ID+" was changed by somebody else: get it again",
		info(reasonEtag, "id", u.ID, "etag", present))
}

// requestOf names a creation by the caller's request ID and by what was asked
// for, before anything that the server makes up is added.
func requestOf(id string, asked repository.User) (repository.Request, error) {
	if id == "" {
		return repository.Request{}, nil
	}
	content, err := repository.Encode(asked)
	if err != nil {
		return repository.Request{}, err
	}
	return repository.Request{ID: id, Hash: hash(content)}, nil
}

func hash(content []byte) []byte {
	sum := sha256.Sum256(content)
	return sum[:]
}
