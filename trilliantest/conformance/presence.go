package conformance

import (
	"slices"

	"github.com/trillian-go/trillian"
)

func (s *session) readPresence() {
	_, err := s.client.Presence.List(s.ctx)
	s.on("Get all presence").succeeds(err)
}

func (s *session) updatePresence() {
	if s.own.user == "" {
		return
	}
	update, list := s.on("Update a user's presence"), s.on("Get all presence")
	status, message := trillian.PresenceAway, `At "lunch" & back soon`
	err := s.client.Presence.Update(s.ctx, s.own.user, trillian.PresenceUpdate{Status: &status, Message: &message})
	if !update.succeeds(err) {
		return
	}
	p, ok := s.presenceOf(s.own.user)
	if !list.holds(ok, "a user whose presence was set is listed", "%s is not", s.own.user) {
		return
	}
	same(update, "status is that of the request", p.Status, status)
	same(update, "message is that of the request", p.Message, message)
	list.holds(!p.Timestamp.IsZero(), "presence that was set has a timestamp", "it is 0")

	err = s.post.Presence.Update(s.ctx, s.own.user, trillian.PresenceUpdate{Message: new("Back")})
	if update.succeedsAs("POST", err) {
		p, _ = s.presenceOf(s.own.user)
		same(update, "message is changed by itself", p.Message, "Back")
		same(update, "status, not given, stays", p.Status, status)
	}
}

func (s *session) presenceOf(user string) (p trillian.Presence, ok bool) {
	all, err := s.client.Presence.List(s.ctx)
	if !s.on("Get all presence").succeeds(err) {
		return p, false
	}
	i := slices.IndexFunc(all, func(p trillian.Presence) bool { return p.Name == user })
	if i < 0 {
		return p, false
	}
	return all[i], true
}
