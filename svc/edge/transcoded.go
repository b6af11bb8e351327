package edge

import (
	"errors"
	"io"
	"net/http"
)

// transcoded serves requests that the transcoder has made gRPC.
type transcoded struct{ http.Handler }

// ServeHTTP implements http.Handler.
func (t transcoded) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	request.Body = &transcodedBody{request.Body}
	t.Handler.ServeHTTP(w, request)
}

// transcodedBody is the transcoder's body without its false end: together with
// the envelope of an empty message it returns io.EOF, and the messages behind it
// would be lost. Its true end comes alone.
type transcodedBody struct{ io.ReadCloser }

// Read implements io.Reader.
func (b *transcodedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 && errors.Is(err, io.EOF) {
		return n, nil
	}
	return n, err
}
