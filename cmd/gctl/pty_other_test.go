//go:build !linux

package main

import "os"

// ttyMain is for Linux only; scripts stop before they use it.
func ttyMain() { os.Exit(125) }
