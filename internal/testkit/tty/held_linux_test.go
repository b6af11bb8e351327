package tty

import "testing"

func TestWhatIsNeverEndedIsShownInTheEnd(t *testing.T) {
	for name, script := range map[string]string{
		"an update":   `printf '\033[?2026hshown'; read -r x`,
		"a mark":      `printf 'shown\033[?20'; read -r x`,
		"a character": `printf 'shown ü'; read -r x`,
		"at the end":  `printf '\033[?2026hshown'`,
	} {
		t.Run(name, func(t *testing.T) {
			term := sh(t, Options{}, script)
			term.WaitFor("shown")
		})
	}
}
