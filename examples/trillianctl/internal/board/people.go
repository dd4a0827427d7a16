package board

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/trillian-go/trillian"
)

// Person is a row of the board.
type Person struct {
	Name    string // the display name, or the address
	Address string
	Status  string // in words
	Class   string // of the status, for the style sheet
	Message string
	Since   time.Time // zero where it is not known
	Devices []Device
}

// Device is where a person is.
type Device struct{ Name, Kind, IP string }

// Initials are up to two letters that stand for a person.
func (p Person) Initials() string {
	var b strings.Builder
	words := strings.FieldsFunc(p.Name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) > 2 {
		words = []string{words[0], words[len(words)-1]}
	}
	if strings.Contains(p.Name, "@") && len(words) > 1 {
		words = words[:1]
	}
	for _, word := range words {
		r, _ := utf8.DecodeRuneInString(word)
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// Text is all that the filter looks in.
func (p Person) Text() string {
	texts := []string{p.Name, p.Address, p.Status, p.Message}
	for _, d := range p.Devices {
		texts = append(texts, d.Name, d.Kind, d.IP)
	}
	return strings.ToLower(strings.Join(texts, " "))
}

// Reader reads the people of a board: their presence each time, and their display
// names, which change seldom, every tenth time.
type Reader struct {
	Client *trillian.Client

	names map[string]string
	reads int // since the names
}

const readsPerNames = 10

// Read asks for everyone's presence, and returns them by name. Without the display
// names, addresses do.
func (r *Reader) Read(ctx context.Context) ([]Person, error) {
	presence, err := r.Client.Presence.List(ctx)
	if err != nil {
		return nil, err
	}
	if r.reads++; r.names == nil || r.reads >= readsPerNames {
		if users, err := r.Client.Users.List(ctx); err == nil {
			r.reads, r.names = 0, make(map[string]string, len(users))
			for _, u := range users {
				r.names[u.Name] = u.DisplayName
			}
		}
	}
	people := make([]Person, len(presence))
	for i, p := range presence {
		people[i] = person(p, r.names[p.Name])
	}
	slices.SortFunc(people, func(a, b Person) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Address, b.Address))
	})
	return people, nil
}

func person(p trillian.Presence, displayName string) Person {
	who := Person{
		Name: cmp.Or(displayName, p.Name), Address: p.Name, Status: Words(p.Status), Class: class(p.Status),
		Message: p.Message, Since: p.Timestamp.Time,
	}
	for _, d := range p.Devices {
		device := Device{Name: d.Name, Kind: deviceKind(d)}
		if d.IP.IsValid() {
			device.IP = d.IP.String()
		}
		who.Devices = append(who.Devices, device)
	}
	return who
}

func class(s trillian.PresenceStatus) string {
	switch s {
	case trillian.PresenceOnline:
		return "online"
	case trillian.PresenceAway:
		return "away"
	case trillian.PresenceDoNotDisturb:
		return "busy"
	case trillian.PresenceMobile:
		return "mobile"
	}
	return "offline"
}
