// Package spreadsheet keeps what others have typed from being a formula in a
// spreadsheet that opens a CSV file.
package spreadsheet

import (
	"strings"
	"unicode/utf8"
)

// What a spreadsheet may take for the beginning of a formula, as OWASP lists it under
// CSV injection.
const formulas = "=+-@\t\r\n＝＋－＠"

func isFormula(text string) bool {
	first, _ := utf8.DecodeRuneInString(text)
	return text != "" && strings.ContainsRune(formulas, first)
}

// Safe is a text that a spreadsheet shows and does not calculate: with an apostrophe
// before what might be a formula.
func Safe(text string) string {
	if isFormula(text) {
		return "'" + text
	}
	return text
}

// Plain is the text of which Safe made a cell.
func Plain(cell string) string {
	if text, ok := strings.CutPrefix(cell, "'"); ok && isFormula(text) {
		return text
	}
	return cell
}
