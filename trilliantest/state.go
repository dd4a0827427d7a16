package trilliantest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/trillian-go/trillian"
)

// state is what the server knows. Its texts and numbers are as they go over the
// wire; only what a seed hands in has the client's types.
type state struct {
	users    table[string, user]
	chats    table[string, groupChat]
	groups   table[int, group]
	policies table[int, policy]
	presence table[string, presenceOf]

	lastGroup, lastPolicy int

	ids      func() string
	nextChat string // the hash of the next chat's name, where it is known before
}

func newState(ids func() string) *state {
	if ids == nil {
		ids = countedIDs()
	}
	return &state{ids: ids}
}

// countedIDs gives hashes that look like the server's, in the same order always.
func countedIDs() func() string {
	n := 0
	return func() string {
		n++
		return hash40(fmt.Sprintf("trilliantest %d", n))
	}
}

// hash40 is 40 hexadecimal digits, the look of the server's own names.
func hash40(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:20])
}

// owner is what a user and a group chat have in common: a history and files.
type owner struct {
	name          string
	media         []*file
	conversations []*conversation
}

func isChatName(name string) bool { return strings.HasPrefix(name, "#") }

// addOwner returns the owner of the name, and makes one where there is none.
func (st *state) addOwner(name string) *owner {
	if isChatName(name) {
		return &st.addChat(name).owner
	}
	return &st.addUser(name).owner
}

// badAddress says why a text cannot be a user's address.
func badAddress(name string) string {
	switch {
	case name == "":
		return "is empty"
	case isChatName(name):
		return "is a group chat's"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "has a control character"
	}
	return ""
}

// domain is the company's, which the names of its group chats end in.
func (st *state) domain() string {
	for name := range st.users.items() {
		if _, domain, ok := strings.Cut(name, "@"); ok {
			return domain
		}
	}
	for name := range st.chats.items() {
		if _, domain, ok := strings.Cut(name, "@"); ok {
			return domain
		}
	}
	return "example.com"
}

var errIDs = errors.New("the source of ids repeats itself")

func (st *state) newChatName() (string, error) {
	id := st.nextChat
	if st.nextChat = ""; id == "" {
		id = st.ids()
	}
	name := "#" + id + "@" + st.domain()
	if st.chats.get(name) != nil {
		return "", errIDs
	}
	return name, nil
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// table keeps things by key, in the order in which they came.
type table[K comparable, V any] struct {
	keys  []K
	byKey map[K]*V
}

func (t *table[K, V]) get(key K) *V { return t.byKey[key] }

func (t *table[K, V]) put(key K, v *V) {
	if t.byKey == nil {
		t.byKey = map[K]*V{}
	}
	if t.byKey[key] == nil {
		t.keys = append(t.keys, key)
	}
	t.byKey[key] = v
}

func (t *table[K, V]) remove(key K) {
	if i := slices.Index(t.keys, key); i >= 0 {
		t.keys = slices.Delete(t.keys, i, i+1)
		delete(t.byKey, key)
	}
}

func (t *table[K, V]) items() iter.Seq2[K, *V] {
	return func(yield func(K, *V) bool) {
		for _, key := range t.keys {
			if !yield(key, t.byKey[key]) {
				return
			}
		}
	}
}

// addUser returns the user of the name, and makes one where there is none.
func (st *state) addUser(name string) *user {
	if u := st.users.get(name); u != nil {
		return u
	}
	u := &user{owner: owner{name: name}, fields: map[string]string{}}
	st.users.put(name, u)
	return u
}

// addChat returns the group chat of the name, and makes one where there is none.
func (st *state) addChat(name string) *groupChat {
	if c := st.chats.get(name); c != nil {
		return c
	}
	c := &groupChat{owner: owner{name: name}}
	st.chats.put(name, c)
	return c
}

// addGroup adds or replaces a group. A new one is peered with every group there
// is and with itself, as the reference's is.
func (st *state) addGroup(g trillian.Group) *group {
	if g.ID == 0 {
		g.ID = st.lastGroup + 1
	}
	st.lastGroup = max(st.lastGroup, g.ID)
	own := &group{
		id: g.ID, displayName: g.DisplayName, name: g.Name,
		parent: g.Parent, policy: g.Policy, priority: g.Priority, kind: int(g.Type),
	}
	st.groups.put(g.ID, own)
	if g.Peers.Items == nil {
		own.peers = slices.Clone(st.groups.keys)
	}
	for _, p := range g.Peers.Items {
		own.peers = append(own.peers, p.ID)
	}
	slices.Sort(own.peers)
	return own
}

func (st *state) addPolicy(p trillian.Policy) *policy {
	if p.ID == 0 {
		p.ID = st.lastPolicy + 1
	}
	st.lastPolicy = max(st.lastPolicy, p.ID)
	own := &policy{id: p.ID, name: p.Name, data: string(p.Data)}
	st.policies.put(p.ID, own)
	return own
}
