package conformance

import (
	"slices"

	"github.com/trillian-go/trillian"
)

func (s *session) readGroups() {
	list := s.on("Get all groups")
	groups, err := s.client.Groups.List(s.ctx, nil)
	if !list.succeeds(err) {
		return
	}
	list.holds(s.wire.last().count("group", "peers", "peer") == 0, "peers are a link unless asked for", "some are expanded")
	_, err = s.client.Groups.List(s.ctx, &trillian.GroupOptions{Peers: true})
	list.succeeds(err)
	if len(groups) > 0 {
		s.seen.group = groups[0].ID
		s.checkGroup(groups[0])
	}
}

// checkGroup reads a group in every way there is.
func (s *session) checkGroup(want trillian.Group) {
	want.Peers = trillian.Collection[trillian.Peer]{}
	get := s.on("Get a single group")
	group, err := s.client.Groups.Get(s.ctx, want.ID, nil)
	if get.succeeds(err) {
		get.holds(s.wire.last().count("group", "peers", "peer") == 0, "peers are a link unless asked for", "they are expanded")
		get.holds(alike(*group, want), "it is the group that was asked for, with the known values", "it is %+v and should be %+v", *group, want)
	}
	listPeers := s.on("Get all peers of a group")
	peers, err := s.client.Groups.Peers.List(s.ctx, want.ID)
	if !listPeers.succeeds(err) || len(peers) == 0 {
		return
	}
	group, err = s.client.Groups.Get(s.ctx, want.ID, &trillian.GroupOptions{Peers: true})
	if get.succeeds(err) {
		get.holds(equal(group.Peers.Items, peers), "peers=1 expands the peers", "they are %v and should be %v", group.Peers.Items, peers)
	}
	list := s.on("Get all groups")
	groups, err := s.client.Groups.List(s.ctx, &trillian.GroupOptions{Peers: true})
	if list.succeeds(err) {
		i := groupAt(groups, want.ID)
		list.holds(i >= 0 && equal(groups[i].Peers.Items, peers), "peers=1 expands the peers", "they are not those of group %d", want.ID)
	}
}

// alike compares groups without their peers.
func alike(a, b trillian.Group) bool {
	return a.ID == b.ID && a.Name == b.Name && a.DisplayName == b.DisplayName &&
		a.Parent == b.Parent && a.Policy == b.Policy && a.Priority == b.Priority && a.Type == b.Type
}

func groupAt(groups []trillian.Group, id int) int {
	return slices.IndexFunc(groups, func(g trillian.Group) bool { return g.ID == id })
}

func (s *session) createGroups() {
	s.own.group = s.createGroup(trillian.GroupCreate{
		DisplayName: s.marker, Name: s.marker + "-group", Policy: s.own.policy, Priority: 3, Type: trillian.GroupTypeStandard,
	})
	if s.own.group != 0 {
		s.own.child = s.createGroup(trillian.GroupCreate{
			DisplayName: s.marker + " child", Name: s.marker + "-child", Parent: s.own.group, Policy: s.own.policy,
		})
	}
}

func (s *session) createGroup(asked trillian.GroupCreate) int {
	create := s.on("Create a group")
	group, err := s.client.Groups.Create(s.ctx, asked)
	if !create.succeeds(err) {
		return 0
	}
	create.holds(group.ID > 0, "the new group has an id", "it is %d", group.ID)
	same(create, "displayname is that of the request", group.DisplayName, asked.DisplayName)
	same(create, "name is that of the request", group.Name, asked.Name)
	same(create, "parent is that of the request", group.Parent, asked.Parent)
	same(create, "policy is that of the request", group.Policy, asked.Policy)
	same(create, "priority is that of the request", group.Priority, asked.Priority)
	same(create, "type is that of the request", group.Type, asked.Type)

	peers, err := s.client.Groups.Peers.List(s.ctx, group.ID)
	if s.on("Get all peers of a group").succeeds(err) {
		create.holds(equal(group.Peers.Items, peers) || len(group.Peers.Items)+len(peers) == 0,
			"the answer has the new group's peers expanded", "they are %v and should be %v", group.Peers.Items, peers)
	}
	list := s.on("Get all groups")
	groups, err := s.client.Groups.List(s.ctx, nil)
	if list.succeeds(err) {
		i := groupAt(groups, group.ID)
		list.holds(i >= 0 && alike(groups[i], *group), "a new group is listed", "group %d is not", group.ID)
	}
	s.checkGroup(*group)
	return group.ID
}

func (s *session) updateGroup() {
	if s.own.group == 0 {
		return
	}
	before, err := s.client.Groups.Get(s.ctx, s.own.group, nil)
	if !s.on("Get a single group").succeeds(err) {
		return
	}
	update := s.on("Update a group")
	group, err := s.client.Groups.Update(s.ctx, s.own.group, trillian.GroupUpdate{DisplayName: new(s.marker + " renamed")})
	if !update.succeeds(err) {
		return
	}
	want := *before
	want.DisplayName = s.marker + " renamed"
	same(update, "displayname is that of the request", group.DisplayName, want.DisplayName)
	update.holds(alike(*group, want), "what is not given stays", "it is %+v and should be %+v", *group, want)
	s.checkGroup(*group)

	group, err = s.client.Groups.Update(s.ctx, s.own.group, trillian.GroupUpdate{Priority: new(7), Name: new(s.marker + "-renamed")})
	if update.succeeds(err) {
		want.Priority, want.Name = 7, s.marker+"-renamed"
		update.holds(alike(*group, want), "what is given is changed", "it is %+v and should be %+v", *group, want)
		s.checkGroup(*group)
	}
}

func (s *session) changePeers() {
	if s.own.child == 0 {
		return
	}
	isPeer := func() bool {
		peers, err := s.client.Groups.Peers.List(s.ctx, s.own.group)
		return s.on("Get all peers of a group").succeeds(err) && contains(peers, trillian.Peer{ID: s.own.child})
	}
	add, remove := s.on("Add a peer to a group"), s.on("Remove a peer from a group")
	if isPeer() {
		remove.succeeds(s.client.Groups.Peers.Remove(s.ctx, s.own.group, s.own.child))
	}
	peer, err := s.client.Groups.Peers.Add(s.ctx, s.own.group, s.own.child)
	if !add.succeeds(err) {
		return
	}
	same(add, "the peer is the one that was added", peer.ID, s.own.child)
	add.holds(isPeer(), "what was added is a peer", "group %d is not", s.own.child)
	s.on("Get all peers of a group").holds(isPeer(), "a new peer is listed", "group %d is not", s.own.child)
	if group, err := s.client.Groups.Get(s.ctx, s.own.group, nil); err == nil {
		s.checkGroup(*group)
	}
	if remove.succeeds(s.client.Groups.Peers.Remove(s.ctx, s.own.group, s.own.child)) {
		remove.holds(!isPeer(), "what was removed is no peer", "group %d still is", s.own.child)
		_, err := s.client.Groups.Get(s.ctx, s.own.child, nil)
		remove.holds(err == nil, "what was removed as a peer is still a group", "%v", err)
	}
	_, err = s.client.Groups.Peers.Add(s.ctx, s.own.group, s.own.child)
	add.succeeds(err)
}

func (s *session) deleteGroups() {
	for _, id := range []int{s.own.child, s.own.group} {
		if id == 0 {
			continue
		}
		remove := s.on("Delete a group")
		if !remove.succeeds(s.client.Groups.Delete(s.ctx, id)) {
			return
		}
		_, err := s.client.Groups.Get(s.ctx, id, nil)
		remove.refuses(err, 404, "a deleted group is gone")
		groups, err := s.client.Groups.List(s.ctx, nil)
		if s.on("Get all groups").succeeds(err) {
			remove.holds(groupAt(groups, id) < 0, "a deleted group is not listed", "group %d is", id)
		}
	}
	s.own.group, s.own.child = 0, 0
}
