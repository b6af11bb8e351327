package tty

import (
	"fmt"
	"os"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// heard is a Bubble Tea program that shows what it hears.
type heard struct {
	width, height int
	said          []string
	dark          string
}

func (h *heard) Init() tea.Cmd { return tea.RequestBackgroundColor }

func (h *heard) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		h.width, h.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		h.dark = fmt.Sprintf("background dark %t", msg.IsDark())
	case tea.KeyPressMsg:
		h.said = append(h.said, "key "+msg.String())
		switch msg.String() {
		case "q":
			return h, tea.Quit
		case "c":
			return h, tea.SetClipboard("copied; with care")
		}
	case tea.PasteMsg:
		h.said = append(h.said, fmt.Sprintf("paste %q", msg.Content))
	case tea.FocusMsg:
		h.said = append(h.said, "focus")
	case tea.BlurMsg:
		h.said = append(h.said, "blur")
	case tea.MouseClickMsg:
		h.said = append(h.said, fmt.Sprintf("click %s %d,%d", msg.Button, msg.X, msg.Y))
	case tea.MouseWheelMsg:
		h.said = append(h.said, fmt.Sprintf("wheel %s", msg.Button))
	case tea.ModeReportMsg:
		h.said = append(h.said, fmt.Sprintf("mode %d is %d", msg.Mode.Mode(), msg.Value))
	}
	return h, nil
}

func (h *heard) View() tea.View {
	last := h.said[max(0, len(h.said)-max(h.height-3, 0)):]
	v := tea.NewView(fmt.Sprintf("size %dx%d\n%s\n%s", h.width, h.height, h.dark, strings.Join(last, "\n")))
	v.AltScreen, v.ReportFocus, v.MouseMode = true, true, tea.MouseModeCellMotion
	v.WindowTitle = "heard; all of it"
	return v
}

func teaMain() {
	if _, err := tea.NewProgram(&heard{}).Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("good bye")
}
