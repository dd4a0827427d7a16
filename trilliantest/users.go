package trilliantest

import (
	"maps"
	"net/http"
	"slices"
)

type user struct {
	owner
	email, displayName string
	fields             map[string]string // all other parameters the user was given
	avatar             *file
}

func listUsers(st *state, _ *call) (*answer, error) {
	return respond(http.StatusOK, func(x *xmlWriter) {
		for _, u := range st.users.items() {
			writeUser(x, u)
		}
	})
}

func getUser(_ *state, _ *call, u *user) (*answer, error) {
	return respond(http.StatusOK, func(x *xmlWriter) { writeUser(x, u) })
}

func createUser(st *state, c *call) (*answer, error) {
	p := c.params()
	name := p.required("im")
	if reason := badAddress(name); reason != "" {
		p.fail("im %s", reason)
	}
	next := user{owner: owner{name: name}, fields: map[string]string{}}
	readUser(p, &next)
	if p.err != nil {
		return nil, p.err
	}
	if st.users.get(name) != nil {
		return nil, badRequest("there is a user %s", name)
	}
	st.users.put(name, &next)
	return respond(http.StatusCreated, func(x *xmlWriter) { writeUser(x, &next) })
}

func updateUser(_ *state, c *call, u *user) (*answer, error) {
	p := c.params()
	next := *u
	next.fields = maps.Clone(u.fields)
	if im, ok := p.get("im"); ok && im != u.name {
		p.fail("im cannot be changed")
	}
	readUser(p, &next)
	if p.change(); p.err != nil {
		return nil, p.err
	}
	*u = next
	return respond(http.StatusOK, func(x *xmlWriter) { writeUser(x, u) })
}

// readUser takes the parameters of a user. A password is taken and forgotten: no
// operation answers it, and nobody signs in here.
func readUser(p *params, u *user) {
	p.text("email", &u.email)
	p.text("displayname", &u.displayName)
	var password string
	p.name("password", &password)
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		switch name {
		case "im", "email", "displayname", "password", tokenParam:
			continue
		}
		if !isXMLName(name) {
			p.fail("%q is not the name of a parameter", name)
			return
		}
		value := u.fields[name]
		p.text(name, &value)
		u.fields[name] = value
	}
}

// deleteUser removes all that is the user's own. What the user wrote to others
// stays in their histories.
func deleteUser(st *state, _ *call, u *user) (*answer, error) {
	st.users.remove(u.name)
	st.presence.remove(u.name)
	for _, chat := range st.chats.items() {
		chat.removeMember(u.name)
	}
	return newAnswer(http.StatusOK), nil
}

func writeUser(x *xmlWriter, u *user) {
	x.begin("user", "name", u.name)
	x.text("displayname", u.displayName)
	x.text("email", u.email)
	for _, name := range slices.Sorted(maps.Keys(u.fields)) {
		x.text(name, u.fields[name])
	}
	x.end()
}

func getAvatar(_ *state, _ *call, u *user) (*answer, error) {
	if u.avatar == nil {
		return nil, notFound("the user has no avatar")
	}
	return bytesOf(u.avatar.mediaType, u.avatar.content), nil
}

func setAvatar(_ *state, c *call, u *user) (*answer, error) {
	avatar := file{}
	p := c.params()
	avatar.readContent(p, c.form)
	p.text("type", &avatar.mediaType)
	if len(avatar.content) == 0 {
		p.fail("data is empty")
	}
	if p.err != nil {
		return nil, p.err
	}
	if avatar.mediaType == "" {
		avatar.mediaType = http.DetectContentType(avatar.content)
	}
	u.avatar = &avatar
	return newAnswer(http.StatusCreated), nil
}

func deleteAvatar(_ *state, _ *call, u *user) (*answer, error) {
	if u.avatar == nil {
		return nil, notFound("the user has no avatar")
	}
	u.avatar = nil
	return noContent()
}
