package limit

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ParseRates reads rate limits as they are written in a flag or a variable of
// the environment, with semicolons between them. See ParseRate.
func ParseRates(text string) ([]Limit, error) {
	var limits []Limit
	for part := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		l, err := ParseRate(part)
		if err != nil {
			return nil, err
		}
		limits = append(limits, l)
	}
	return limits, nil
}

// ParseRate reads METHODS=RATE/UNIT[,burst=N][,shadow], for example
// "*=1000/s,burst=200" or "user.v1.UserService/CreateUser=50/s". The unit is s,
// m or h. Without a burst one second's worth of calls may come at once. The
// limit is called "rate/" and its methods, or "rate/default" where it covers
// all.
func ParseRate(text string) (Limit, error) {
	methods, value, ok := strings.Cut(strings.TrimSpace(text), "=")
	if !ok {
		return Limit{}, fmt.Errorf("rate limit %q: write METHODS=RATE/s, for example *=1000/s,burst=200", text)
	}
	methods = strings.TrimSpace(methods)
	l := Limit{Name: "rate/" + methods, Kind: Rate, Methods: methods}
	if methods == everything {
		l.Name = "rate/default"
	}
	if err := l.Settings.parseRate(value); err != nil {
		return Limit{}, fmt.Errorf("rate limit %q: %w", text, err)
	}
	if err := l.check(); err != nil {
		return Limit{}, err
	}
	return l, nil
}

// ParseConcurrency reads MIN..MAX[,shadow], for example "10..200". One number
// fixes the limit. It is called "concurrency".
func ParseConcurrency(text string) (Limit, error) {
	l := Limit{Name: "concurrency", Kind: Concurrency, Methods: everything}
	bounds, rest, _ := strings.Cut(strings.TrimSpace(text), ",")
	low, high, ok := strings.Cut(bounds, "..")
	if !ok {
		high = low
	}
	var errs [2]error
	l.Settings.MinConcurrency, errs[0] = strconv.Atoi(strings.TrimSpace(low))
	l.Settings.MaxConcurrency, errs[1] = strconv.Atoi(strings.TrimSpace(high))
	if errs[0] != nil || errs[1] != nil {
		return Limit{}, fmt.Errorf("concurrency limit %q: write MIN..MAX, for example 10..200", text)
	}
	switch strings.TrimSpace(rest) {
	case "":
	case "shadow":
		l.Settings.Shadow = true
	default:
		return Limit{}, fmt.Errorf("concurrency limit %q: %q is not known: only shadow may follow", text, rest)
	}
	if err := l.check(); err != nil {
		return Limit{}, err
	}
	return l, nil
}

func (s *Settings) parseRate(text string) error {
	words := strings.Split(text, ",")
	rate, err := parseFrequency(strings.TrimSpace(words[0]))
	if err != nil {
		return err
	}
	s.Rate = rate
	s.Burst = int(min(max(1, math.Ceil(rate)), maxBurst))
	var seen []string
	for _, word := range words[1:] {
		key, value, hasValue := strings.Cut(strings.TrimSpace(word), "=")
		if slices.Contains(seen, key) {
			return fmt.Errorf("%s is given twice", key)
		}
		seen = append(seen, key)
		switch {
		case key == "shadow" && !hasValue:
			s.Shadow = true
		case key == "burst" && hasValue:
			s.Burst, err = strconv.Atoi(value)
			if err != nil {
				return fmt.Errorf("the burst %q is no whole number", value)
			}
		default:
			return fmt.Errorf("%q is not known: burst=N and shadow may follow", word)
		}
	}
	return nil
}

// parseFrequency reads "50/s" into calls a second.
func parseFrequency(text string) (float64, error) {
	number, unit, ok := strings.Cut(text, "/")
	if !ok {
		return 0, fmt.Errorf("%q has no unit: write %s/s, /m or /h", text, text)
	}
	rate, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || math.IsNaN(rate) || math.IsInf(rate, 0) {
		return 0, fmt.Errorf("%q is no number of calls", number)
	}
	switch strings.TrimSpace(unit) {
	case "s":
		return rate, nil
	case "m":
		return rate / 60, nil
	case "h":
		return rate / 3600, nil
	default:
		return 0, errors.New("the unit of a rate is s, m or h, not " + strconv.Quote(unit))
	}
}
