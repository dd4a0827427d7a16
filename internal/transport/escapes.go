package transport

import (
	"encoding/hex"
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// escape is a way to write a character as several.
type escape struct {
	marks string // what it begins with
	// read returns what a text that begins with a mark says, and how many of its
	// bytes say it: 0 if they are no escape.
	read func(text string) (plain string, length int)
}

var escapes = []escape{{"%", readPercent}, {"&<", readMarkup}, {`\`, readBackslash}}

// undo returns what a text says, and what part of the text says each byte of that.
func (e escape) undo(text string) (string, []span) {
	plain, at := make([]byte, 0, len(text)), make([]span, 0, len(text))
	for from := 0; from < len(text); {
		said, n := "", 0
		if strings.IndexByte(e.marks, text[from]) >= 0 {
			said, n = e.read(text[from:])
		}
		if n == 0 {
			said, n = text[from:from+1], 1
		}
		for i := range len(said) {
			plain, at = append(plain, said[i]), append(at, span{from, from + n})
		}
		from += n
	}
	return string(plain), at
}

func readPercent(text string) (string, int) {
	if len(text) < len("%00") {
		return "", 0
	}
	c, err := hex.DecodeString(text[1:3])
	if err != nil {
		return "", 0
	}
	return string(c), 3
}

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// readMarkup reads an entity of HTML or XML, or a tag without attributes, which says
// nothing, as a soft hyphen does.
func readMarkup(text string) (string, int) {
	if text[0] == '<' {
		rest := strings.TrimLeft(strings.TrimPrefix(text[1:], "/"), alphanumeric)
		if rest = strings.TrimLeft(rest, " /"); rest == "" || rest[0] != '>' {
			return "", 0
		}
		return "", len(text) - len(rest) + 1
	}
	rest := strings.TrimLeft(text[1:], "#"+alphanumeric)
	n := len(text) - len(strings.TrimPrefix(rest, ";"))
	plain := html.UnescapeString(text[:n])
	if plain == text[:n] {
		return "", 0
	}
	return strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Cf, c) {
			return -1
		}
		return c
	}, plain), n
}

// readBackslash reads the escapes of JSON and Go, most of which JavaScript has too.
func readBackslash(text string) (string, int) {
	c, isRune, rest, err := strconv.UnquoteChar(text, '"')
	switch {
	case err == nil && isRune:
		return string(c), len(text) - len(rest)
	case err == nil:
		return string([]byte{byte(c)}), len(text) - len(rest)
	case len(text) == 1:
		return "", 0
	}
	const unit = len(`\u0000`)
	if c := utf16.DecodeRune(readUnit(text), readUnit(text[min(unit, len(text)):])); c != utf8.RuneError {
		return string(c), 2 * unit
	}
	return text[1:2], 2 // JSON has more than Go
}

// readUnit reads half of what UTF-16 writes in two, or 0.
func readUnit(text string) rune {
	if len(text) < len(`\u0000`) || text[:2] != `\u` {
		return 0
	}
	unit, err := hex.DecodeString(text[2:6])
	if err != nil {
		return 0
	}
	return rune(unit[0])<<8 | rune(unit[1])
}
