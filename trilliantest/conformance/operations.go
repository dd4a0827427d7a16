package conformance

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// operation is what the reference says of one.
type operation struct {
	title  string // its heading there
	verb   string
	path   string // below the base URL
	status int    // of success
	answer shape  // what the answer's body is
}

// operations are the reference's 52, in its order. Of HEAD it says only that it
// "can be issued against media resources to get information about the media".
var operations = []operation{
	{"Get all group chats", "GET", "groupchats/", 200, all(groupChat)},
	{"Get a single group chat", "GET", "groupchats/:groupchat/", 200, one(groupChat)},
	{"Create a group chat", "POST", "groupchats/", 201, one(groupChat)},
	{"Update a group chat", "PATCH", "groupchats/:groupchat/", 200, one(groupChat)},

	{"Get all media owned by a group chat", "GET", "groupchats/:groupchat/media/", 200, all(media)},
	{"Get a single media item owned by a group chat", "GET", "groupchats/:groupchat/media/:item/", 200, aFile},
	{"Get information about a media item owned by a group chat", "HEAD", "groupchats/:groupchat/media/:item/", 200, nothing},
	{"Create a media item owned by a group chat", "POST", "groupchats/:groupchat/media/", 201, unsaid},
	{"Delete a media item owned by a group chat", "DELETE", "groupchats/:groupchat/media/:item/", 204, nothing},

	{"Get all members of a group chat", "GET", "groupchats/:groupchat/members/", 200, one(members)},
	{"Add a member to a group chat", "POST", "groupchats/:groupchat/:member/", 201, one(member)},
	{"Delete a member from a group chat", "DELETE", "groupchats/:groupchat/:member/", 204, nothing},

	{"Get all message weeks from a group chat", "GET", "groupchats/:groupchat/messages/", 200, all(weeks)},
	{"Get messages from a group chat by week", "GET", "groupchats/:groupchat/messages/:conversation/:year/:week/", 200, one(messages)},
	{"Send a message to a group chat", "POST", "groupchats/:groupchat/messages/", 200, one(message)},
	{"Delete one or more messages from a group chat", "DELETE", "groupchats/:groupchat/messages/:conversation/:year/:week/", 204, nothing},
	{"Delete messages from a group chat by week", "DELETE", "groupchats/:groupchat/messages/:conversation/:year/:week/", 204, nothing},
	{"Delete all messages from a group chat", "DELETE", "groupchats/:groupchat/messages/:conversation/", 204, nothing},

	{"Get all groups", "GET", "groups/", 200, all(group)},
	{"Get a single group", "GET", "groups/:group/", 200, one(group)},
	{"Create a group", "POST", "groups/", 200, one(group)},
	{"Update a group", "POST", "groups/:group/", 200, one(group)},
	{"Delete a group", "DELETE", "groups/:group/", 204, nothing},

	{"Get all peers of a group", "GET", "groups/:group/peers/", 200, one(peers)},
	{"Add a peer to a group", "POST", "groups/:group/peers/:peer/", 201, one(peer)},
	{"Remove a peer from a group", "DELETE", "groups/:group/peers/:peer/", 204, nothing},

	{"Get all policies", "GET", "policies/", 200, all(policy)},
	{"Get a single policy", "GET", "policies/:policy/", 200, one(policy)},
	{"Create a policy", "POST", "policies/", 201, one(policy)},
	{"Update a policy", "PATCH", "policies/:policy/", 200, one(policy)},
	{"Delete a policy", "DELETE", "policies/:policy/", 204, nothing},

	{"Get all presence", "GET", "presence/", 200, all(presence)},
	{"Update a user's presence", "PATCH", "presence/:imaddress/", 204, nothing},

	{"Get all users", "GET", "users/", 200, unsaid},
	{"Get a single user", "GET", "users/:user/", 200, unsaid},
	{"Create a user", "POST", "users/", 201, unsaid},
	{"Update a user", "PATCH", "users/:user/", 200, unsaid},
	{"Delete a user", "DELETE", "users/:user/", 200, unsaid},

	{"Get a user's avatar", "GET", "users/:user/addressbook/avatar/", 200, aFile},
	{"Set a user's avatar", "PUT", "users/:user/addressbook/avatar/", 201, unsaid},
	{"Delete a user's avatar", "DELETE", "users/:user/addressbook/avatar/", 204, nothing},

	{"Get all media owned by a user", "GET", "users/:user/media/", 200, unsaid},
	{"Get a single media item owned by a user", "GET", "users/:user/media/:item/", 200, aFile},
	{"Get information about a media item owned by a user", "HEAD", "users/:user/media/:item/", 200, nothing},
	{"Create a media item owned by a user", "POST", "users/:user/media/", 201, unsaid},
	{"Delete a media item owned by a user", "DELETE", "users/:user/media/:item/", 204, nothing},

	{"Get all message weeks from a user", "GET", "users/:user/messages/", 200, unsaid},
	{"Get messages from a user by week", "GET", "users/:user/messages/:conversation/:year/:week/", 200, unsaid},
	{"Send a message to a user", "POST", "users/:user/messages/", 200, unsaid},
	{"Delete one or more messages from a user", "DELETE", "users/:user/messages/:conversation/:year/:week/", 204, nothing},
	{"Delete messages from a user by week", "DELETE", "users/:user/messages/:conversation/:year/:week/", 204, nothing},
	{"Delete all messages from a user", "DELETE", "users/:user/messages/:conversation/", 204, nothing},
}

func (op operation) reads() bool { return op.verb == http.MethodGet || op.verb == http.MethodHead }

// isAt reports whether an escaped path is one of the operation's.
func (op operation) isAt(path string) bool {
	want, got := strings.Split(op.path, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if strings.HasPrefix(want[i], ":") != (want[i] != got[i]) || got[i] == "" && i < len(got)-1 {
			return false
		}
	}
	return true
}

// at is the operation's path with values for its :names, escaped.
func (op operation) at(values ...any) string {
	segments := strings.Split(op.path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, ":") {
			segments[i] = strings.ReplaceAll(url.QueryEscape(fmt.Sprint(values[0])), "+", "%20")
			values = values[1:]
		}
	}
	return strings.Join(segments, "/")
}

// succeeds checks a call that was just made, which must not have failed: its
// verb and path, its status, and its answer.
func (c checks) succeeds(err error) bool { return c.succeedsAs(c.op.verb, err) }

// success is the text of the check that an operation's status is the right one.
func (c checks) success(verb string) string {
	return fmt.Sprintf("%s is answered %d %s", verb, c.op.status, http.StatusText(c.op.status))
}

func (c checks) succeedsAs(verb string, err error) bool {
	text := c.success(verb)
	if err != nil {
		return c.holds(false, text, "%v", err)
	}
	x := c.s.wire.find(func(x *exchange) bool { return x.verb == verb && c.op.isAt(x.path) })
	if x == nil {
		return c.holds(false, text, "there is no such request among the latest")
	}
	c.holds(x.status == c.op.status, text, "it is answered %d", x.status)
	c.isShaped(x)
	return true
}

func (c checks) isShaped(x *exchange) {
	a := c.op.answer
	switch a.kind {
	case bodiless:
		c.holds(len(x.body) == 0, "the answer has no body", "it has %d bytes", len(x.body))
	case bytesOfFile:
	case undocumented:
		_, err := x.xml()
		c.holds(len(x.body) == 0 || err == nil, "the answer is XML, if anything", "%v", err)
	default:
		root, err := x.xml()
		if !c.holds(err == nil, "the answer is XML with the root <response>", "%v", err) {
			return
		}
		problem := a.mismatch(root)
		c.holds(problem == "", "the answer has the elements and attributes of the sample", "%s", problem)
	}
}
