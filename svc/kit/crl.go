package kit

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gctl-dev/gctl/svc/kit/certs"
)

const (
	crlEvery = time.Second      // how often is looked whether a revocation list has expired
	crlAgain = 10 * time.Minute // how often is said that it still has
)

// newCRLMetric counts the revocation lists in use that have expired: 0 too where
// there are none, and no files at all.
func newCRLMetric(files *certs.Source) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "kit_tls_crl_expired",
		Help: "Certificate revocation lists in use whose CA has promised a newer one for before now.",
	}, func() float64 {
		if files == nil {
			return 0
		}
		return float64(len(files.ExpiredCRLs(time.Now())))
	})
}

// watchCRLs says which revocation lists have expired, until ctx ends.
func (s *Server) watchCRLs(ctx context.Context, files *certs.Source) {
	ticker := time.NewTicker(crlEvery)
	defer ticker.Stop()
	w := crlWarnings{log: s.log, file: s.options.TLSCRL}
	for {
		now := time.Now()
		w.say(ctx, files.ExpiredCRLs(now), now)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// crlWarnings says what has expired when that is news, and again and again.
type crlWarnings struct {
	log  *slog.Logger
	file string
	said string // the issuers of what had expired
	at   time.Time
}

func (w *crlWarnings) say(ctx context.Context, expired []certs.CRL, now time.Time) {
	issuers := make([]string, len(expired))
	for i, c := range expired {
		issuers[i] = c.Issuer
	}
	all := strings.Join(issuers, "; ")
	if all == w.said && (all == "" || now.Sub(w.at) < crlAgain) {
		return
	}
	w.said, w.at = all, now
	if all == "" {
		w.log.InfoContext(ctx, "all certificate revocation lists are up to date", "file.path", w.file)
	}
	for _, c := range expired {
		w.log.ErrorContext(ctx, "a certificate revocation list has expired: those on it are refused, who was revoked since is let in. Put a new one into the file",
			"file.path", w.file, "issuer", c.Issuer, "next_update", c.NextUpdate)
	}
}
