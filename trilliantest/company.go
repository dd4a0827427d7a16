package trilliantest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trillian-go/trillian"
)

// WithGeneratedCompany fills the server with a company that is made up, of as many
// users and group chats as are wanted, and with messages of as many of the server's
// weeks. The same numbers make the same company in every process.
//
// Its users have names of their own and addresses at acme.example; the first is
// anna.adams@acme.example. They are in the groups of eight departments, which one
// of three policies holds for each, and every second user has a presence. All of
// them are members of the first group chat, and up to 40 of every other. A group
// chat has messages in each of the weeks, which begin with the first of 2024. Users
// write to the next one in the list, and to the one who is seven further, in every
// fourth week. All of them do so in several languages. Every group chat has files,
// and so has every tenth user; every third has an avatar.
//
// 1,000 users, 50 group chats and 100 weeks have 247,000 messages, which are made
// in 0.1 s and take 20 MiB of memory.
func WithGeneratedCompany(users, chats, weeks int) Option {
	return seed(func(st *state, _ time.Time) error {
		switch {
		case users < 0 || chats < 0 || weeks < 0:
			return errors.New("WithGeneratedCompany: a number is negative")
		case users == 0 && chats > 0:
			return errors.New("WithGeneratedCompany: there are no users to be in the group chats")
		}
		g := &generator{state: st, weeks: generatedWeeks(weeks)}
		g.addGroups()
		for i := range users {
			g.addUser(i)
		}
		for i := range chats {
			g.addChat(i)
		}
		for i := range users {
			g.addConversations(i)
		}
		return nil
	})
}

const generatedDomain = "acme.example"

// generator makes a company. What is left to chance is so by a random source of
// each thing's own, which depends on nothing but its number.
type generator struct {
	state  *state
	weeks  []span
	groups []int // their ids, a department's each but for the first
	users  []*user
}

func source(kind, number int) *rand.Rand { return rand.New(rand.NewPCG(uint64(kind), uint64(number))) }

const (
	ofChat = iota
	ofConversation
)

// span is one of the server's weeks.
type span struct {
	year, number int
	begin        time.Time
	days         int // 7, but for a year's last
}

func generatedWeeks(n int) []span {
	const weeksOfAYear = 53
	weeks := make([]span, n)
	for i := range weeks {
		year, number := 2024+i/weeksOfAYear, i%weeksOfAYear
		days := time.Date(year, time.December, 31, 0, 0, 0, 0, time.UTC).YearDay()
		weeks[i] = span{year, number, time.Date(year, time.January, 1+7*number, 8, 0, 0, 0, time.UTC), min(7, days-7*number)}
	}
	return weeks
}

func (g *generator) addGroups() {
	policies := []*policy{
		g.state.addPolicy(trillian.Policy{Name: "ACME", Data: samplePolicy1}),
		g.state.addPolicy(trillian.Policy{Name: "ACME IT", Data: samplePolicy2}),
		g.state.addPolicy(trillian.Policy{Name: "ACME Legal", Data: "trillian.history.cloud 1\ntrillian.filetransfer server\n"}),
	}
	policyOf := map[string]*policy{"IT": policies[1], "Legal": policies[2]}
	var groups []*group
	add := func(name string, parent int) {
		p := policyOf[name]
		if p == nil {
			p = policies[0]
		}
		own := g.state.addGroup(trillian.Group{DisplayName: name, Name: hash40("generated group " + name), Parent: parent, Policy: p.id})
		groups, g.groups = append(groups, own), append(g.groups, own.id)
	}
	add("ACME", 0)
	for _, name := range departments {
		add(name, g.groups[0])
	}
	for _, own := range groups {
		own.peers = slices.Clone(g.groups)
	}
}

// department is the id of a group other than the first.
func (g *generator) department(i int) int { return g.groups[1+i%len(departments)] }

func (g *generator) addUser(i int) {
	n := i / len(firstNames)
	a := i % len(firstNames)
	first, last := firstNames[a], lastNames[(n+a)%len(lastNames)]
	local, displayName := localPart(first)+"."+localPart(last), first+" "+last
	if again := n / len(lastNames); again > 0 { // all names are taken
		number := strconv.Itoa(again + 1)
		local, displayName = local+number, displayName+" "+number
	}
	u := g.state.addUser(local + "@" + generatedDomain)
	u.email, u.displayName = u.name, displayName
	u.fields["firstname"], u.fields["lastname"] = first, last
	u.fields["group"] = strconv.Itoa(g.department(i))
	g.users = append(g.users, u)
	if i%2 == 0 {
		g.addPresence(i, u)
	}
	if i%3 == 0 {
		u.avatar = &file{mediaType: "image/png", content: []byte(pixel)}
	}
	if i%10 == 0 {
		g.addFile(&u.owner, "Notes.txt", "text/plain", strings.Repeat("Notes of "+displayName+"\n", 10+i%50))
	}
}

func (g *generator) addPresence(i int, u *user) {
	p := &presenceOf{status: int64(1 + i/2%3), timestamp: g.end().Unix()} // online, away, or not to be disturbed
	if p.status > 1 {
		p.message = chatTopics[i%len(chatTopics)]
	}
	p.devices = []trillian.Device{{
		IP:   trillian.DeviceIP{Addr: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})},
		Name: fmt.Sprintf("PC%04d.%s", i, generatedDomain), Platform: "Windows", Version: "6.5", Build: "39",
	}}
	g.state.presence.put(u.name, p)
}

// end is when the last week ends.
func (g *generator) end() time.Time {
	if len(g.weeks) == 0 {
		return generatedWeeks(1)[0].begin
	}
	last := g.weeks[len(g.weeks)-1]
	return last.begin.AddDate(0, 0, last.days)
}

func (g *generator) addFile(o *owner, name, mediaType, content string) {
	f := file{
		id: hash32([]byte("generated file " + o.name + " " + name)), name: name, mediaType: mediaType,
		content: []byte(content), createdAt: generatedWeeks(1)[0].begin.Unix(),
	}
	if mediaType == "image/png" {
		f.thumbnail = f.content
	}
	g.state.addMedia(o, f)
}

func (g *generator) addChat(i int) {
	r := source(ofChat, i)
	c := g.state.addChat("#" + hash40("generated chat "+strconv.Itoa(i)) + "@" + generatedDomain)
	c.displayName, c.topic = chatNames[i%len(chatNames)], chatTopics[i%len(chatTopics)]
	if n := i / len(chatNames); n > 0 {
		c.displayName += " " + strconv.Itoa(n+1)
	}
	switch i % 5 {
	case 3:
		c.flags = uint32(trillian.GroupChatDisableTopicSet)
	case 4:
		c.flags = uint32(trillian.GroupChatDisableList | trillian.GroupChatDisableMemberAdd)
	}
	members := g.users
	if i > 0 {
		c.groups = []int{g.department(i)}
		members = nil
		for _, n := range r.Perm(len(g.users))[:min(5+r.IntN(36), len(g.users))] {
			members = append(members, g.users[n])
		}
	}
	c.members = nil
	for n, u := range members {
		c.members = append(c.members, member{u.name, []uint32{1, 1, 2, 0}[min(n, 3)]}) // two operators, and one with a voice
	}
	g.addFile(&c.owner, "Minutes.txt", "text/plain", strings.Repeat("Minutes of "+c.displayName+"\n", 20+i%100))
	g.addFile(&c.owner, "Whiteboard.png", "image/png", pixel)

	history := c.conversationWith(&c.owner)
	for _, w := range g.weeks {
		messages := w.messages(r, members, 5+r.IntN(20))
		history.addWeek(w.year, w.number, messages)
		c.lastMessage = messages[len(messages)-1].at
	}
}

// addConversations lets a user write with two that came later.
func (g *generator) addConversations(i int) {
	for _, distance := range []int{1, 7} {
		if i+distance >= len(g.users) {
			continue
		}
		r := source(ofConversation, i*10+distance)
		a, b := g.users[i], g.users[i+distance]
		for n, w := range g.weeks {
			if (n+i)%4 != 0 {
				continue
			}
			messages := w.messages(r, []*user{a, b}, 1+r.IntN(6))
			a.conversationWith(&b.owner).addWeek(w.year, w.number, messages)
			b.conversationWith(&a.owner).addWeek(w.year, w.number, messages)
		}
	}
}

// messages are written on a week's working days, from 8 to 18 o'clock.
func (w span) messages(r *rand.Rand, senders []*user, n int) []message {
	const workday = 10 * 60 * 60 * 1000
	const day = 24 * 60 * 60 * 1000
	all := make([]message, n)
	for i := range all {
		at := w.begin.UnixMilli() + r.Int64N(int64(min(w.days, 5)))*day + r.Int64N(workday)
		text := sentences[r.IntN(len(sentences))]
		if strings.Contains(text, "%d") {
			text = fmt.Sprintf(text, 1+r.IntN(2000))
		}
		all[i] = message{at: at, from: senders[r.IntN(len(senders))].name, text: text}
	}
	slices.SortStableFunc(all, func(a, b message) int { return int(a.at - b.at) })
	return all
}
