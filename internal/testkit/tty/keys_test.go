package tty

import "testing"

func TestKeysAreSentAsXtermDoes(t *testing.T) {
	for key, want := range map[string]string{
		"a": "a", "G": "G", "ü": "ü", "日": "日", "+": "+", "enter": "\r", "tab": "\t", "esc": "\x1b", "backspace": "\x7f", "space": " ",
		"shift+tab": "\x1b[Z", "shift+a": "A", "alt+x": "\x1bx", "alt+enter": "\x1b\r", "ctrl+a": "\x01", "ctrl+Z": "\x1a", "ctrl+space": "\x00",
		"ctrl+]": "\x1d", "ctrl+alt+d": "\x1b\x04", "up": "\x1b[A", "left": "\x1b[D", "home": "\x1b[H", "end": "\x1b[F",
		"shift+up": "\x1b[1;2A", "alt+up": "\x1b[1;3A", "ctrl+left": "\x1b[1;5D", "ctrl+alt+shift+right": "\x1b[1;8C",
		"pgup": "\x1b[5~", "ctrl+pgdown": "\x1b[6;5~", "insert": "\x1b[2~", "delete": "\x1b[3~",
		"f1": "\x1bOP", "f4": "\x1bOS", "f5": "\x1b[15~", "f12": "\x1b[24~", "shift+f1": "\x1b[1;2P", "shift+f5": "\x1b[15;2~",
	} {
		if got, err := encode(key, keyboard{}); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", key, got, err, want)
		}
	}
	for key, want := range map[string]string{"up": "\x1bOA", "home": "\x1bOH", "shift+up": "\x1b[1;2A", "pgup": "\x1b[5~", "a": "a"} {
		if got, err := encode(key, keyboard{application: true}); err != nil || got != want {
			t.Errorf("application mode, %s: %q, %v, want %q", key, got, err, want)
		}
	}
	for key, want := range map[string]string{
		"a": "a", "G": "G", "ü": "ü", "esc": "\x1b[27u", "alt+esc": "\x1b[27;3u", "enter": "\r", "tab": "\t", "backspace": "\x7f", "space": " ",
		"shift+tab": "\x1b[9;2u", "ctrl+enter": "\x1b[13;5u", "shift+a": "A", "alt+x": "\x1b[120;3u", "ctrl+d": "\x1b[100;5u", "ctrl+D": "\x1b[100;5u",
		"ctrl+space": "\x1b[32;5u", "ctrl+alt+d": "\x1b[100;7u", "ctrl+1": "\x1b[49;5u", "up": "\x1b[A", "shift+up": "\x1b[1;2A", "f1": "\x1b[P",
		"f3": "\x1b[13~", "ctrl+f3": "\x1b[13;5~", "shift+f4": "\x1b[1;2S", "f5": "\x1b[15~", "pgup": "\x1b[5~",
	} {
		if got, err := encode(key, keyboard{application: true, kitty: true}); err != nil || got != want {
			t.Errorf("kitty, %s: %q, %v, want %q", key, got, err, want)
		}
	}
	for _, key := range []string{"", "ab", "ctrl+", "Enter", "f13", "ctrl+1", "ctrl+ü", "hyper+a"} {
		if got, err := encode(key, keyboard{}); err == nil {
			t.Errorf("%q is taken for %q", key, got)
		}
	}
}

func TestAPasteCannotEndItself(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", "a\nb\r\nc\rd": "a\rb\rc\rd", "tab\tstays": "tab\tstays", "\x1b[201~rm\x04\x00\x7f": " [201~rm   ",
	} {
		if got := pasted(text, false); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if got := pasted(text, true); got != "\x1b[200~"+want+"\x1b[201~" {
			t.Errorf("%q: %q", text, got)
		}
	}
}
