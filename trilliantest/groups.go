package trilliantest

import (
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/trillian-go/trillian"
)

type group struct {
	id                int
	displayName, name string
	parent, policy    int // 0 for none
	priority, kind    int
	peers             []int // sorted
}

func listGroups(st *state, c *call) (*answer, error) {
	expand, err := c.expands("peers")
	if err != nil {
		return nil, err
	}
	return respond(http.StatusOK, func(x *xmlWriter) {
		for _, g := range st.groups.items() {
			writeGroup(x, c, g, expand)
		}
	})
}

func getGroup(_ *state, c *call, g *group) (*answer, error) {
	expand, err := c.expands("peers")
	if err != nil {
		return nil, err
	}
	return respond(http.StatusOK, func(x *xmlWriter) { writeGroup(x, c, g, expand) })
}

func createGroup(st *state, c *call) (*answer, error) {
	p := c.params()
	g := group{displayName: p.required("displayname"), name: p.required("name")}
	readGroup(p, st, &g)
	if p.err != nil {
		return nil, p.err
	}
	own := st.addGroup(trillian.Group{
		DisplayName: g.displayName, Name: g.name, Parent: g.parent, Policy: g.policy, Priority: g.priority,
		Type: trillian.GroupType(g.kind),
	})
	return respond(http.StatusOK, func(x *xmlWriter) { writeGroup(x, c, own, true) })
}

func updateGroup(st *state, c *call, g *group) (*answer, error) {
	p := c.params()
	next := *g
	p.text("displayname", &next.displayName)
	p.name("name", &next.name)
	readGroup(p, st, &next)
	if p.change(); p.err != nil {
		return nil, p.err
	}
	*g = next
	return respond(http.StatusOK, func(x *xmlWriter) { writeGroup(x, c, g, false) })
}

// readGroup reads the numbers of a group, and holds it against the others.
func readGroup(p *params, st *state, g *group) {
	p.int("parent", &g.parent, 0, math.MaxInt32)
	p.int("policy", &g.policy, 0, math.MaxInt32)
	p.int("priority", &g.priority, math.MinInt32, math.MaxInt32)
	p.int("type", &g.kind, int(trillian.GroupTypeStandard), int(trillian.GroupTypeLDAP))
	for id, other := range st.groups.items() {
		if id != g.id && other.name == g.name {
			p.fail("name is that of group %d and must be unique", id)
		}
	}
	if g.policy != 0 && st.policies.get(g.policy) == nil {
		p.fail("policy is %d, and there is no such policy", g.policy)
	}
	if g.parent != 0 && st.groups.get(g.parent) == nil {
		p.fail("parent is %d, and there is no such group", g.parent)
	}
	for id, steps := g.parent, 0; id != 0 && steps <= len(st.groups.keys); steps++ {
		if id == g.id {
			p.fail("parent is %d, which is the group itself or below it", g.parent)
		}
		above := st.groups.get(id)
		if above == nil {
			break
		}
		id = above.parent
	}
}

func deleteGroup(st *state, _ *call, g *group) (*answer, error) {
	for id, other := range st.groups.items() {
		if other.parent == g.id {
			return nil, cannot("group %d is the parent of group %d", g.id, id)
		}
	}
	st.groups.remove(g.id)
	for _, other := range st.groups.items() {
		other.removePeer(g.id)
	}
	return noContent()
}

func (g *group) removePeer(id int) bool {
	i, found := slices.BinarySearch(g.peers, id)
	if found {
		g.peers = slices.Delete(g.peers, i, i+1)
	}
	return found
}

func writeGroup(x *xmlWriter, c *call, g *group, expandPeers bool) {
	x.begin("group", "id", strconv.Itoa(g.id))
	x.text("displayname", g.displayName)
	x.text("name", g.name)
	x.number("parent", int64(g.parent))
	writePeers(x, c, g, expandPeers)
	x.number("policy", int64(g.policy))
	x.number("priority", int64(g.priority))
	x.number("type", int64(g.kind))
	x.end()
}

func listPeers(_ *state, c *call, g *group) (*answer, error) {
	return respond(http.StatusOK, func(x *xmlWriter) { writePeers(x, c, g, true) })
}

func addPeer(st *state, c *call, g *group) (*answer, error) {
	peer := st.groups.get(identifier(c.args[1]))
	if peer == nil {
		return nil, notFound("no such group to be a peer")
	}
	if i, found := slices.BinarySearch(g.peers, peer.id); !found {
		g.peers = slices.Insert(g.peers, i, peer.id)
	}
	return respond(http.StatusCreated, func(x *xmlWriter) { x.empty("peer", "id", strconv.Itoa(peer.id)) })
}

func deletePeer(_ *state, c *call, g *group) (*answer, error) {
	if !g.removePeer(identifier(c.args[1])) {
		return nil, notFound("no such peer")
	}
	return noContent()
}

func writePeers(x *xmlWriter, c *call, g *group, expand bool) {
	x.begin("peers", "href", c.link("groups", strconv.Itoa(g.id), "peers"))
	if expand {
		for _, id := range g.peers {
			x.empty("peer", "id", strconv.Itoa(id))
		}
	}
	x.end()
}
