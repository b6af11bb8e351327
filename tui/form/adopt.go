package form

// adopt lets a new node take the place of the old one at the same place of the
// form: it gets its ID and is open if that was.
func (f *Form) adopt(n, old *node) {
	if n.shape != old.shape || n.md != old.md {
		return
	}
	delete(f.byID, n.id)
	n.id = old.id
	f.byID[n.id] = n
	if old.open || n.role == theWhole && old.loaded {
		open := old.open
		f.unfold(n)
		n.open = open
	}
	switch n.shape {
	case aMap:
		f.adoptEntries(n, old)
	case aList:
		for i := range min(len(n.kids), len(old.kids)) {
			f.adopt(n.kids[i], old.kids[i])
		}
	case aMessage, aOneof:
		f.adoptFields(n, old)
	case anAny:
		if n.url == old.url && len(n.kids) > 0 && len(old.kids) > 0 {
			f.adopt(n.kids[0], old.kids[0])
		}
	}
}

// adoptEntries goes by the keys, which are ordered.
func (f *Form) adoptEntries(n, old *node) {
	at := 0
	for _, kid := range n.kids {
		for at < len(old.kids) && compareKeys(old.kids[at].key, kid.key) < 0 {
			at++
		}
		if at < len(old.kids) && compareKeys(old.kids[at].key, kid.key) == 0 {
			f.adopt(kid, old.kids[at])
		}
	}
}

// adoptFields goes by the fields, whose order is the same, but for extensions
// that are only known while they are set.
func (f *Form) adoptFields(n, old *node) {
	at := 0
	for _, kid := range n.kids {
		for i := at; i < len(old.kids); i++ {
			if o := old.kids[i]; o.fd == kid.fd && o.od == kid.od {
				f.adopt(kid, o)
				at = i + 1
				break
			}
		}
	}
}
