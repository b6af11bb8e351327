// Package file is the fleet.Catalog over a hand-written list of services and
// addresses, for fleets without a registry and for a world on one machine:
//
//	services:
//	  user:
//	    tags: [grpc]            # every instance of the service has these
//	    meta: {tls: "false"}
//	    instances:
//	      - address: 127.0.0.1:9090
//	      - id: user-2          # the address where it is left out
//	        address: 127.0.0.1:9091
//	        tags: [canary]
//	        meta: {version: v2.4.0}
//	        status: maintenance # passing where it is left out
//
// Nobody checks the instances of such a list, so the catalog does it when it is
// asked: it opens a TCP connection to each instance, all at once, for at most
// 300 ms. One that is refused, or cannot be reached at all, is critical; one that
// does not answer in time is warning. A line "check: none" at the top turns this
// off; then each status is what is written.
//
// The file is read strictly: an unknown or doubled key, an address that is none,
// an anchor, a tag, or more than 4 MiB is an error with line and column.
package file
