package testkit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// Browser is a page in a headless Chromium, driven by the DevTools protocol
// (https://chromedevtools.github.io/devtools-protocol/) over a pipe.
type Browser struct {
	t       testing.TB
	in      io.WriteCloser
	session string

	mu      sync.Mutex
	lastID  int
	waiting map[int]chan devtoolsMessage
	said    []string // on the console, and exceptions
	gone    chan struct{}
}

type devtoolsMessage struct {
	ID        int             `json:"id"`
	Method    string          `json:"method,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// NewBrowser starts Chromium with an empty page until the test ends. Without it
// the test is skipped, with CI=true it fails.
func NewBrowser(t testing.TB) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is missing: make backends installs it")
		}
		t.Skip("SKIPPED: chromium is missing, the page is not tested")
	}
	dir, err := os.MkdirTemp("", "gctl-browser-") //nolint:usetesting // its last processes may still write when the test ends
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir="+dir)
	theirIn, ourIn, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ourOut, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4, as the flag wants
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &Browser{t: t, in: ourIn, waiting: map[int]chan devtoolsMessage{}, gone: make(chan struct{})}
	go b.read(ourOut)
	t.Cleanup(func() {
		ourIn.Close() // which ends it
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		<-b.gone
		ourOut.Close()
		_ = os.RemoveAll(dir)
	})
	b.attach()
	return b
}

// attach opens the page.
func (b *Browser) attach() {
	b.t.Helper()
	var target struct {
		ID string `json:"targetId"`
	}
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct {
		ID string `json:"sessionId"`
	}
	b.call("Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &session)
	b.session = session.ID
	b.call("Runtime.enable", nil, nil)
	b.call("Log.enable", nil, nil)
	b.call("Page.enable", nil, nil)
}

// read hands out answers until Chromium ends.
func (b *Browser) read(out io.Reader) {
	defer close(b.gone)
	messages := bufio.NewReader(out)
	for {
		text, err := messages.ReadBytes(0)
		if err != nil {
			return
		}
		var m devtoolsMessage
		if json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m) != nil {
			return
		}
		b.mu.Lock()
		waiting := b.waiting[m.ID]
		delete(b.waiting, m.ID)
		switch m.Method {
		case "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled":
			b.said = append(b.said, string(m.Params))
		}
		b.mu.Unlock()
		if waiting != nil {
			waiting <- m
		}
	}
}

// call sends a command and decodes its result.
func (b *Browser) call(method string, params, result any) {
	b.t.Helper()
	if err := b.try(method, params, result); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
}

func (b *Browser) try(method string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil || params == nil {
		raw = []byte("{}")
	}
	answer := make(chan devtoolsMessage, 1)
	b.mu.Lock()
	b.lastID++
	id := b.lastID
	b.waiting[id] = answer
	b.mu.Unlock()
	text, err := json.Marshal(devtoolsMessage{ID: id, Method: method, SessionID: b.session, Params: raw})
	if err != nil {
		return err
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		return err
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			return errors.New(m.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(m.Result, result)
	case <-b.gone:
		return errors.New("chromium has ended")
	case <-time.After(time.Minute):
		return errors.New("chromium does not answer")
	}
}

// Open goes to a URL.
func (b *Browser) Open(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
}

// Show sets the size of the window in pixels, and whether the reader wants it dark.
func (b *Browser) Show(width, height int, dark bool) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	scheme := map[bool]string{false: "light", true: "dark"}[dark]
	b.call("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	}, nil)
}

// Eval evaluates an expression of JavaScript, waits for it if it is a promise,
// and returns it as text.
func (b *Browser) Eval(expression string) string {
	b.t.Helper()
	var answer struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", map[string]any{
		"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true,
	}, &answer)
	if len(answer.Exception) > 0 {
		b.t.Fatalf("%s: %s", expression, answer.Exception)
	}
	return fmt.Sprint(answer.Result.Value)
}

// Await polls until an expression is true.
func (b *Browser) Await(expression string) {
	b.t.Helper()
	end := time.After(30 * time.Second)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for b.Eval(expression) != "true" {
		select {
		case <-look.C:
		case <-end:
			b.t.Fatalf("never came true: %s\npage: %s\nconsole: %q", expression, b.Eval("document.body.innerText"), b.Said())
		}
	}
}

// Said returns what the console shows, exceptions included.
func (b *Browser) Said() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.said...)
}

// Picture writes what is seen to a PNG file.
func (b *Browser) Picture(path string) {
	b.t.Helper()
	var shot struct {
		Data []byte `json:"data"`
	}
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	if err := os.WriteFile(path, shot.Data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
