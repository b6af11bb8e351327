package repository

// AddressError says that the address of a store cannot be read: nothing was opened
// yet. It shows no password.
type AddressError struct{ Problem string }

// Error implements error.
func (e *AddressError) Error() string { return "store: " + e.Problem }
