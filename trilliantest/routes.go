package trilliantest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// handler carries out an operation.
type handler func(*state, *call) (*answer, error)

// call is a request that was understood.
type call struct {
	args   []string // the path's :names, unescaped
	query  url.Values
	form   form
	sender string // whose token it came with, "" for the administrator's
	base   string // the base URL that the client used, for links
	now    int64  // in milliseconds
}

// operations are the reference's, in its order. Deleting a block of messages and
// deleting a week are one row, and 52 operations are 50 rows: they differ only in
// a parameter.
var operations = []struct {
	verb, path string
	serve      handler
}{
	{"GET", "/v1/groupchats/", listChats},
	{"GET", "/v1/groupchats/:groupchat/", chatOf(getChat)},
	{"POST", "/v1/groupchats/", createChat},
	{"PATCH", "/v1/groupchats/:groupchat/", chatOf(updateChat)},

	{"GET", "/v1/groupchats/:groupchat/media/", inChat(listMedia)},
	{"GET", "/v1/groupchats/:groupchat/media/:item/", inChat(getMedia)},
	{"HEAD", "/v1/groupchats/:groupchat/media/:item/", inChat(getMedia)},
	{"POST", "/v1/groupchats/:groupchat/media/", inChat(createMedia)},
	{"DELETE", "/v1/groupchats/:groupchat/media/:item/", inChat(deleteMedia)},

	{"GET", "/v1/groupchats/:groupchat/members/", chatOf(listMembers)},
	{"POST", "/v1/groupchats/:groupchat/:member/", chatOf(addMember)},
	{"DELETE", "/v1/groupchats/:groupchat/:member/", chatOf(deleteMember)},

	{"GET", "/v1/groupchats/:groupchat/messages/", inChat(listWeeks)},
	{"GET", "/v1/groupchats/:groupchat/messages/:conversation/:year/:week/", inChat(listMessages)},
	{"POST", "/v1/groupchats/:groupchat/messages/", chatOf(sendToChat)},
	{"DELETE", "/v1/groupchats/:groupchat/messages/:conversation/:year/:week/", inChat(deleteMessages)},
	{"DELETE", "/v1/groupchats/:groupchat/messages/:conversation/", inChat(deleteConversation)},

	{"GET", "/v1/groups/", listGroups},
	{"GET", "/v1/groups/:group/", groupOf(getGroup)},
	{"POST", "/v1/groups/", createGroup},
	{"POST", "/v1/groups/:group/", groupOf(updateGroup)},
	{"DELETE", "/v1/groups/:group/", groupOf(deleteGroup)},

	{"GET", "/v1/groups/:group/peers/", groupOf(listPeers)},
	{"POST", "/v1/groups/:group/peers/:peer/", groupOf(addPeer)},
	{"DELETE", "/v1/groups/:group/peers/:peer/", groupOf(deletePeer)},

	{"GET", "/v1/policies/", listPolicies},
	{"GET", "/v1/policies/:policy/", policyOf(getPolicy)},
	{"POST", "/v1/policies/", createPolicy},
	{"PATCH", "/v1/policies/:policy/", policyOf(updatePolicy)},
	{"DELETE", "/v1/policies/:policy/", policyOf(deletePolicy)},

	{"GET", "/v1/presence/", listPresence},
	{"PATCH", "/v1/presence/:imaddress/", userOf(updatePresence)},

	{"GET", "/v1/users/", listUsers},
	{"GET", "/v1/users/:user/", userOf(getUser)},
	{"POST", "/v1/users/", createUser},
	{"PATCH", "/v1/users/:user/", userOf(updateUser)},
	{"DELETE", "/v1/users/:user/", userOf(deleteUser)},

	{"GET", "/v1/users/:user/addressbook/avatar/", userOf(getAvatar)},
	{"PUT", "/v1/users/:user/addressbook/avatar/", userOf(setAvatar)},
	{"DELETE", "/v1/users/:user/addressbook/avatar/", userOf(deleteAvatar)},

	{"GET", "/v1/users/:user/media/", ofUser(listMedia)},
	{"GET", "/v1/users/:user/media/:item/", ofUser(getMedia)},
	{"HEAD", "/v1/users/:user/media/:item/", ofUser(getMedia)},
	{"POST", "/v1/users/:user/media/", ofUser(createMedia)},
	{"DELETE", "/v1/users/:user/media/:item/", ofUser(deleteMedia)},

	{"GET", "/v1/users/:user/messages/", ofUser(listWeeks)},
	{"GET", "/v1/users/:user/messages/:conversation/:year/:week/", ofUser(listMessages)},
	{"POST", "/v1/users/:user/messages/", userOf(sendToUser)},
	{"DELETE", "/v1/users/:user/messages/:conversation/:year/:week/", ofUser(deleteMessages)},
	{"DELETE", "/v1/users/:user/messages/:conversation/", ofUser(deleteConversation)},
}

// The operations that only the sender's own token may use, and those whose data
// is a file.
var (
	sends = map[string]bool{
		"/v1/groupchats/:groupchat/messages/": true,
		"/v1/users/:user/messages/":           true,
	}
	takesFile = map[string]bool{
		"/v1/groupchats/:groupchat/media/":    true,
		"/v1/users/:user/media/":              true,
		"/v1/users/:user/addressbook/avatar/": true,
	}
)

// route is a path and what can be done there.
type route struct {
	segments  []string
	names     int // how many segments are :names
	verbs     map[string]handler
	sends     bool
	takesFile bool
}

var routes = compileRoutes()

func compileRoutes() []*route {
	var all []*route
	byPath := map[string]*route{}
	for _, op := range operations {
		r := byPath[op.path]
		if r == nil {
			r = &route{verbs: map[string]handler{}, sends: sends[op.path], takesFile: takesFile[op.path]}
			r.segments = strings.Split(strings.TrimPrefix(op.path, "/v1/"), "/")
			for _, s := range r.segments {
				if strings.HasPrefix(s, ":") {
					r.names++
				}
			}
			byPath[op.path] = r
			all = append(all, r)
		}
		r.verbs[op.verb] = op.serve
	}
	// A word says more than a name: "media" is not a member.
	slices.SortStableFunc(all, func(a, b *route) int { return a.names - b.names })
	return all
}

// findRoute matches an escaped path below the base path, segment by segment: an
// escaped slash does not end a segment.
func findRoute(path string) (*route, []string, error) {
	segments := splitPath(path)
	if r, args := routeOf(segments); r != nil {
		return r, args, nil
	}
	if r, _ := routeOf(append(segments, "")); r != nil {
		return nil, nil, notFound("there is nothing here: a path ends in a slash")
	}
	return nil, nil, errNothing
}

var errNothing = notFound("there is nothing here")

// routeOf returns nil where there is nothing.
func routeOf(segments []string) (*route, []string) {
	for _, r := range routes {
		if args, ok := r.match(segments); ok {
			return r, args
		}
	}
	return nil, nil
}

func (r *route) match(segments []string) ([]string, bool) {
	if len(segments) != len(r.segments) {
		return nil, false
	}
	var args []string
	for i, want := range r.segments {
		switch {
		case !strings.HasPrefix(want, ":"):
			if segments[i] != want {
				return nil, false
			}
		case segments[i] == "":
			return nil, false
		default:
			args = append(args, segments[i])
		}
	}
	return args, true
}

// handler finds what a verb does. All that is PATCH can be POST as well.
func (r *route) handler(verb string) (handler, error) {
	if h := r.verbs[verb]; h != nil {
		return h, nil
	}
	if h := r.verbs[http.MethodPatch]; h != nil && verb == http.MethodPost {
		return h, nil
	}
	return nil, &problem{
		status: http.StatusMethodNotAllowed, text: "there is no " + verb + " here",
		header: http.Header{"Allow": {strings.Join(r.allowed(), ", ")}},
	}
}

func (r *route) allowed() []string {
	var verbs []string
	for verb := range r.verbs {
		verbs = append(verbs, verb)
		if verb == http.MethodPatch {
			verbs = append(verbs, http.MethodPost)
		}
	}
	slices.Sort(verbs)
	return slices.Compact(verbs)
}

// chatOf finds the group chat that a path names first.
func chatOf(serve func(*state, *call, *groupChat) (*answer, error)) handler {
	return func(st *state, c *call) (*answer, error) {
		chat := st.chats.get(c.args[0])
		if chat == nil || chat.flags&flagDeleted != 0 {
			return nil, notFound("no such group chat")
		}
		return serve(st, c, chat)
	}
}

// userOf finds the user that a path names first.
func userOf(serve func(*state, *call, *user) (*answer, error)) handler {
	return func(st *state, c *call) (*answer, error) {
		u := st.users.get(c.args[0])
		if u == nil {
			return nil, notFound("no such user")
		}
		return serve(st, c, u)
	}
}

func groupOf(serve func(*state, *call, *group) (*answer, error)) handler {
	return func(st *state, c *call) (*answer, error) {
		g := st.groups.get(identifier(c.args[0]))
		if g == nil {
			return nil, notFound("no such group")
		}
		return serve(st, c, g)
	}
}

func policyOf(serve func(*state, *call, *policy) (*answer, error)) handler {
	return func(st *state, c *call) (*answer, error) {
		p := st.policies.get(identifier(c.args[0]))
		if p == nil {
			return nil, notFound("no such policy")
		}
		return serve(st, c, p)
	}
}

// inChat and ofUser serve what group chats and users have alike.
func inChat(serve func(*state, *call, *owner) (*answer, error)) handler {
	return chatOf(func(st *state, c *call, chat *groupChat) (*answer, error) { return serve(st, c, &chat.owner) })
}

func ofUser(serve func(*state, *call, *owner) (*answer, error)) handler {
	return userOf(func(st *state, c *call, u *user) (*answer, error) { return serve(st, c, &u.owner) })
}
