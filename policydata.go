package trillian

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PolicyData is the text of a policy: a line an item, each a key, a space and a
// value ("trillian.history.cloud 1"). What is not edited stays byte for byte as
// the server sent it, order and unknown lines included.
//
// On the wire it is Base64, in JSON the text.
type PolicyData string

// UnmarshalText reads Base64, with white space anywhere and with or without
// padding.
func (d *PolicyData) UnmarshalText(text []byte) error {
	packed := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, string(text))
	encoding := base64.StdEncoding
	if len(packed)%4 != 0 {
		encoding = base64.RawStdEncoding
	}
	plain, err := encoding.DecodeString(packed)
	if err != nil {
		return errors.New("not Base64")
	}
	*d = PolicyData(plain)
	return nil
}

// MarshalText writes Base64, the inverse of UnmarshalText.
func (d PolicyData) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, []byte(d)), nil
}

// MarshalJSON writes the text or, since a JSON string holds nothing but UTF-8, an
// object {"base64": "…"} where it is something else.
func (d PolicyData) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(d)) {
		return json.Marshal(string(d))
	}
	plain := []byte(d)
	return json.Marshal(binaryPolicyData{&plain})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *PolicyData) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case 'n': // null leaves a string as it was
		return nil
	case '{':
		var packed binaryPolicyData
		if err := json.Unmarshal(b, &packed); err != nil || packed.Base64 == nil {
			return errors.New("not a policy's data: an object must have its Base64")
		}
		*d = PolicyData(*packed.Base64)
		return nil
	}
	return json.Unmarshal(b, (*string)(d))
}

type binaryPolicyData struct {
	Base64 *[]byte `json:"base64"`
}

// EncodeValues writes Base64, which is what the server reads.
func (d PolicyData) EncodeValues(key string, v *url.Values) error {
	v.Set(key, base64.StdEncoding.EncodeToString([]byte(d)))
	return nil
}

// Get returns the value of the first item with the key, and whether there is one.
func (d PolicyData) Get(key string) (value string, ok bool) {
	for k, v := range d.Items() {
		if k == key {
			return v, true
		}
	}
	return "", false
}

// Items yields the key and value of every item, in the data's own order. Blank
// lines are passed over; an item without a value has an empty one.
func (d PolicyData) Items() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for line := range strings.Lines(string(d)) {
			if key, value, ok := splitItem(line); ok && !yield(key, value) {
				return
			}
		}
	}
}

// With returns the data with the item set to value: in its place where it
// stands already, at the end otherwise. Further items with the same key go.
//
// A key that is no word, or a value of several lines, cannot be written as an item;
// the result is data that Create and Update refuse, and Valid says why.
func (d PolicyData) With(key, value string) PolicyData {
	item := key + " " + value
	switch {
	case !isWord(key):
		item = noItem + fmt.Sprintf("has the key %q, which is no word", key)
	case strings.ContainsAny(value, "\r\n\x00"):
		item = noItem + fmt.Sprintf("has a value of several lines, or with a NUL, for the key %q", key)
	}
	var b strings.Builder
	placed := false
	for line := range strings.Lines(string(d)) {
		k, _, ok := splitItem(line)
		switch {
		case !ok || k != key:
			b.WriteString(line)
		case !placed:
			placed = true
			b.WriteString(item + line[len(strings.TrimRight(line, "\r\n")):])
		}
	}
	if !placed {
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(item + "\n")
	}
	return PolicyData(b.String())
}

// Without returns the data without the items that have the key.
func (d PolicyData) Without(key string) PolicyData {
	var b strings.Builder
	for line := range strings.Lines(string(d)) {
		if k, _, ok := splitItem(line); !ok || k != key {
			b.WriteString(line)
		}
	}
	return PolicyData(b.String())
}

// noItem begins a line that stands for an item that With could not write. The rest of
// the line says why not.
const noItem = "\x00no item: "

// Valid returns an [*ArgumentError] for what [PoliciesService.Create] and
// [PoliciesService.Update] refuse: an item that With could not write. The error names
// its key.
func (d PolicyData) Valid() error {
	for line := range strings.Lines(string(d)) {
		if reason, ok := strings.CutPrefix(line, noItem); ok {
			return &ArgumentError{Name: "data", Reason: strings.TrimRight(reason, "\r\n")}
		}
	}
	return nil
}

// PolicyChange is a difference between the items of two policies.
type PolicyChange struct {
	Key string  `json:"key"`
	Old *string `json:"old"` // nil: there is none
	New *string `json:"new"` // nil: there is none
}

// String returns the change for people to read, such as `key: "1" → none`.
func (c PolicyChange) String() string {
	show := func(value *string) string {
		if value == nil {
			return "none"
		}
		return strconv.Quote(*value)
	}
	return c.Key + ": " + show(c.Old) + " → " + show(c.New)
}

// Diff returns what leads from d to other: first the items of d that have another
// value there, or are not there, in the order of d, then those that only other has, in
// its order. Of a key that comes again the first is compared with the first, the second
// with the second. Order makes no difference.
func (d PolicyData) Diff(other PolicyData) []PolicyChange {
	theirs := map[string][]string{}
	for key, value := range other.Items() {
		theirs[key] = append(theirs[key], value)
	}
	var changes []PolicyChange
	met := map[string]int{}
	for key, value := range d.Items() {
		met[key]++
		switch rest := theirs[key]; {
		case len(rest) == 0:
			changes = append(changes, PolicyChange{Key: key, Old: &value})
		case rest[0] != value:
			changes = append(changes, PolicyChange{Key: key, Old: &value, New: &rest[0]})
			fallthrough
		default:
			theirs[key] = rest[1:]
		}
	}
	for key, value := range other.Items() {
		if met[key]--; met[key] < 0 {
			changes = append(changes, PolicyChange{Key: key, New: &value})
		}
	}
	return changes
}

func splitItem(line string) (key, value string, ok bool) {
	if strings.HasPrefix(line, noItem) {
		return "", "", false
	}
	line = strings.TrimRight(line, "\r\n")
	key, value, _ = strings.Cut(line, " ")
	return key, value, key != ""
}

func isWord(key string) bool {
	return key != "" && !strings.ContainsFunc(key, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}
