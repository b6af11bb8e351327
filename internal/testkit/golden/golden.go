// Package golden holds the one flag -update, by which tests write anew what they
// compare with. A test binary with two flags of one name panics, so every package
// of tests that has golden files asks here.
package golden

import "flag"

var update = flag.Bool("update", false, "write golden files, golden screens and docs/reference anew")

// Update tells whether the test runs with -update.
func Update() bool { return *update }
