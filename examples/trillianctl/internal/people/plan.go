package people

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trillian-go/trillian"
)

// Action is what a step does.
type Action string

// The actions. A kept user or membership is one that is left as it is, although
// the file says otherwise: the step's Detail says why.
const (
	Create Action = "create"
	Update Action = "update"
	Remove Action = "remove"
	Join   Action = "join"
	Leave  Action = "leave"
	Keep   Action = "keep"
)

// Step is one change to one user.
type Step struct {
	Line    int // of the file
	Address string
	Action  Action
	Chat    string // the identifier, of a step about a membership
	Detail  string // for people

	row *Row
}

// key is a step's identity from one look at the server to the next.
type key struct {
	address string
	action  Action
	chat    string
}

func (s Step) key() key { return key{fold(s.Address), s.Action, s.Chat} }

// Plan is what leads from what the server has to what the file says, in the
// file's order.
type Plan struct {
	Steps []Step // those of the action Keep among them

	rows    []Row
	file    string
	exact   bool
	company *company
}

// Changes counts the steps that change something.
func (p *Plan) Changes() int {
	n := 0
	for _, s := range p.Steps {
		if s.Action != Keep {
			n++
		}
	}
	return n
}

func (c *company) plan(rows []Row, file string, exact bool) *Plan {
	p := &Plan{rows: rows, file: file, exact: exact, company: c}
	managed := c.managed()
	for i := range rows {
		row := &rows[i]
		user, exists := c.users[fold(row.Address)]
		address := row.Address
		if exists {
			address = user.Name // as the server spells it
		}
		add := func(action Action, chat, format string, args ...any) {
			p.Steps = append(p.Steps, Step{row.Line, address, action, chat, fmt.Sprintf(format, args...), row})
		}
		if row.Removed {
			if titles := c.operates(row.Address); exists && titles != "" {
				add(Keep, "", "not removed: is an operator of %s", titles)
			} else if exists {
				add(Remove, "", "%s", user.DisplayName)
			}
			continue
		}
		if !exists {
			add(Create, "", "%s", strings.Join(nonEmpty(row.DisplayName, row.Email, passwordSource(row)), ", "))
		} else if changes := changesOf(row, user); len(changes) > 0 {
			add(Update, "", "%s", strings.Join(changes, ", "))
		}
		var wanted []*chat
		for _, name := range row.Chats {
			own := c.named[name]
			if _, member := own.members[fold(row.Address)]; !member && !slices.Contains(wanted, own) {
				add(Join, own.name, "%s", own.title)
			}
			wanted = append(wanted, own)
		}
		if !exact {
			continue
		}
		for _, own := range managed {
			m, member := own.members[fold(row.Address)]
			switch {
			case !member || slices.Contains(wanted, own):
			case m.Flags.Has(trillian.MemberOp):
				add(Keep, own.name, "stays in %s: is an operator", own.title)
			default:
				add(Leave, own.name, "%s", own.title)
			}
		}
	}
	return p
}

func passwordSource(row *Row) string {
	if row.Password == "" {
		return "password generated"
	}
	return "password of the file"
}

func changesOf(row *Row, user trillian.User) []string {
	var changes []string
	for _, field := range []struct{ name, old, wanted string }{
		{"display name", user.DisplayName, row.DisplayName},
		{"email", user.Email, row.Email},
	} {
		if field.wanted != "" && field.wanted != field.old {
			changes = append(changes, fmt.Sprintf("%s %q to %q", field.name, field.old, field.wanted))
		}
	}
	return changes
}

// managed are the chats that the file names, in a fixed order.
func (c *company) managed() []*chat {
	var all []*chat
	for _, own := range c.named {
		if !slices.Contains(all, own) {
			all = append(all, own)
		}
	}
	slices.SortFunc(all, func(a, b *chat) int { return strings.Compare(a.name, b.name) })
	return all
}

// has reports whether a step's end is reached, whoever did it.
func (c *company) has(s Step) bool {
	user, exists := c.users[fold(s.Address)]
	member := false
	if own := c.chats[s.Chat]; own != nil {
		_, member = own.members[fold(s.Address)]
	}
	switch s.Action {
	case Create:
		return exists
	case Update:
		return exists && len(changesOf(s.row, user)) == 0
	case Remove:
		return !exists
	case Join:
		return member
	case Leave:
		return !member
	}
	return true
}

// knows reports whether has can tell of a step that an earlier run has planned.
func (c *company) knows(s Step) bool {
	switch s.Action {
	case Update:
		return s.row != nil
	case Join, Leave:
		return c.chats[s.Chat] != nil && c.chats[s.Chat].known
	}
	return true
}

// protects reports whether a step that was planned would by now take an operator
// from a chat.
func (c *company) protects(s Step) bool {
	switch s.Action {
	case Remove:
		return c.operates(s.Address) != ""
	case Leave:
		return c.chats[s.Chat] != nil && c.chats[s.Chat].members[fold(s.Address)].Flags.Has(trillian.MemberOp)
	}
	return false
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

func sortedList(texts []string) string {
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}
