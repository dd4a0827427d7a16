package conformance

import (
	"bytes"
	"slices"
	"strings"

	"github.com/trillian-go/trillian"
)

func (s *session) readUsers() {
	users, err := s.client.Users.List(s.ctx)
	if !s.on("Get all users").succeeds(err) || len(users) == 0 || users[0].Name == "" {
		return
	}
	s.seen.user = users[0].Name
	s.checkUser(users[0])
}

// checkUser reads a user. How the answer looks the reference does not say, and
// so it is only searched for the values.
func (s *session) checkUser(want trillian.User) {
	get, list := s.on("Get a single user"), s.on("Get all users")
	_, err := s.client.Users.Get(s.ctx, want.Name)
	if get.succeeds(err) {
		get.holds(s.wire.last().mentions(want.Name), "it is the user that was asked for", "the answer has no %s", want.Name)
		get.holds(want.Email == "" || s.wire.last().mentions(want.Email), "its email is the known one", "the answer has no %s", want.Email)
	}
	_, err = s.client.Users.List(s.ctx)
	if list.succeeds(err) {
		list.holds(s.wire.last().mentions(want.Name), "a known user is listed", "the answer has no %s", want.Name)
		list.holds(want.Email == "" || s.wire.last().mentions(want.Email), "a known user's email is listed", "the answer has no %s", want.Email)
	}
}

func (s *session) createUser() {
	create := s.on("Create a user")
	if s.target.Domain == "" {
		create.skips(create.success("POST"), "no domain for new users is known")
		return
	}
	name := s.marker + "@" + s.target.Domain
	user := trillian.User{Name: name, Email: "a+b@" + s.target.Domain}
	_, err := s.client.Users.Create(s.ctx, trillian.UserCreate{IM: name, Password: "xhTTrDc#p\\C8P9=4B", Email: user.Email})
	if !create.succeeds(err) {
		return
	}
	s.own.user = name
	_, err = s.client.Users.Get(s.ctx, name)
	create.holds(err == nil, "a new user is there", "%v", err)
	create.holds(err == nil && s.wire.last().mentions(user.Email), "email is that of the request", "the user has no %s", user.Email)
	s.checkUser(user)
}

func (s *session) updateUser() {
	if s.own.user == "" {
		return
	}
	update := s.on("Update a user")
	user := trillian.User{Name: s.own.user, Email: "c+d@" + s.target.Domain}
	_, err := s.client.Users.Update(s.ctx, s.own.user, trillian.UserUpdate{Email: &user.Email})
	if update.succeeds(err) {
		_, err = s.client.Users.Get(s.ctx, s.own.user)
		update.holds(err == nil && s.wire.last().mentions(user.Email), "email can be changed by itself", "the user has no %s", user.Email)
		s.checkUser(user)
	}
	_, err = s.post.Users.Update(s.ctx, s.own.user, trillian.UserUpdate{Password: new(trillian.Secret("another + password"))})
	if update.succeedsAs("POST", err) {
		_, err = s.client.Users.Get(s.ctx, s.own.user)
		update.holds(err == nil && s.wire.last().mentions(user.Email), "email, not given, stays", "the user has no %s", user.Email)
	}
}

func (s *session) deleteUser() {
	if s.own.user == "" {
		return
	}
	remove := s.on("Delete a user")
	if !remove.succeeds(s.client.Users.Delete(s.ctx, s.own.user)) {
		return
	}
	_, err := s.client.Users.Get(s.ctx, s.own.user)
	remove.refuses(err, 404, "a deleted user is gone")
	users, err := s.client.Users.List(s.ctx)
	if s.on("Get all users").succeeds(err) {
		gone := !slices.ContainsFunc(users, func(u trillian.User) bool { return u.Name == s.own.user })
		remove.holds(gone, "a deleted user is not listed", "%s is", s.own.user)
	}
	s.own.user = ""
}

// pixel is a PNG image of one pixel.
var pixel = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\b\x00\x00\x00\x00:~\x9bU" +
	"\x00\x00\x00\x0eIDATx\x9cbb\x00\x04\x00\x00\xff\xff\x00\x06\x00\x03\xfa\xd0Y\xae\x00\x00\x00\x00IEND\xaeB`\x82")

func (s *session) setAvatar() {
	if s.own.user == "" {
		return
	}
	set, get := s.on("Set a user's avatar"), s.on("Get a user's avatar")
	if !set.succeeds(s.client.Users.Avatar.Set(s.ctx, s.own.user, trillian.Avatar{Type: "image/png", Data: pixel})) {
		return
	}
	s.own.hasAvatar = true
	avatar, err := s.client.Users.Avatar.Get(s.ctx, s.own.user)
	if get.succeeds(err) {
		get.holds(len(avatar.Data) > 0 && strings.HasPrefix(avatar.Type, "image/"), "the avatar is an image", "it is %d bytes of %s", len(avatar.Data), avatar.Type)
		set.holds(bytes.Equal(avatar.Data, pixel), "the avatar is the one that was set", "it has %d bytes, not %d, or others", len(avatar.Data), len(pixel))
	}
}

func (s *session) deleteAvatar() {
	if !s.own.hasAvatar {
		return
	}
	remove := s.on("Delete a user's avatar")
	if remove.succeeds(s.client.Users.Avatar.Delete(s.ctx, s.own.user)) {
		_, err := s.client.Users.Avatar.Get(s.ctx, s.own.user)
		remove.refuses(err, 404, "a deleted avatar is gone")
		s.own.hasAvatar = false
	}
}

// domainOf is what follows the "@" of an address or a group chat's name.
func domainOf(name string) string {
	_, domain, _ := strings.Cut(name, "@")
	return domain
}

func (s *session) isOwn(name string) bool { return strings.HasPrefix(name, s.marker) }
