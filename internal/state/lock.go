package state

import "errors"

// ErrLocked is the error of Lock for a file that somebody else has taken.
var ErrLocked = errors.New("somebody else has locked it")
