package output

import "encoding/csv"

// CSV is a format of commands whose answer is a list of points.
const CSV Format = "csv"

// CSV prints a header and records as RFC 4180 has them, without control
// characters. A text that a spreadsheet would take for a formula gets a quote in
// front.
func (p *Printer) CSV(header []string, records [][]string) error {
	w := csv.NewWriter(p.opts.Out)
	if err := w.Write(header); err != nil {
		return err
	}
	for _, record := range records {
		clean := make([]string, len(record))
		for i, field := range record {
			if clean[i] = p.line(field); formula(clean[i]) {
				clean[i] = "'" + clean[i]
			}
		}
		if err := w.Write(clean); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// formula tells whether a spreadsheet would compute a text
// (https://owasp.org/www-community/attacks/CSV_Injection). Numbers are fine.
func formula(text string) bool {
	if text == "" {
		return false
	}
	switch text[0] {
	case '=', '@':
		return true
	case '+', '-':
		return len(text) > 1 && (text[1] < '0' || text[1] > '9') && text[1] != '.' && text[1:] != "Inf"
	default:
		return false
	}
}
