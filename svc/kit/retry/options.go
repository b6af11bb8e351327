package retry

import (
	"cmp"
	"time"
)

// Options say what is repeated and how often. What is zero has its default.
type Options struct {
	Attempts     int           // with the first one; 3
	Ratio        float64       // retries that each call adds to the budget; 0.2
	MinPerSecond float64       // retries that each second adds; 5
	Burst        float64       // retries that the budget holds, a tenth of them at the start; 100
	BaseDelay    time.Duration // bound of the first wait, which then doubles, ...; 25 ms
	MaxDelay     time.Duration // ... up to this; 1 s
	MaxWait      time.Duration // the longest delay of a RetryInfo that is waited for; 5 s
	Floor        time.Duration // the least time that an attempt must have; 10 ms

	// Methods ("/package.Service/Method") that are idempotent though their
	// schema does not say so.
	Methods []string

	// Keys names, by method, the field of the request that holds an idempotency
	// key. A call in which it is not empty is idempotent. Requests are a
	// proto.Message or Raw.
	Keys map[string]string
}

func (o Options) withDefaults() Options {
	o.Attempts = cmp.Or(o.Attempts, 3)
	o.Ratio = cmp.Or(o.Ratio, 0.2)
	o.MinPerSecond = cmp.Or(o.MinPerSecond, 5)
	o.Burst = cmp.Or(o.Burst, 100)
	o.BaseDelay = cmp.Or(o.BaseDelay, 25*time.Millisecond)
	o.MaxDelay = cmp.Or(o.MaxDelay, time.Second)
	o.MaxWait = cmp.Or(o.MaxWait, 5*time.Second)
	o.Floor = cmp.Or(o.Floor, 10*time.Millisecond)
	return o
}
