package trillian

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// GroupsService manages groups, the organization units that users see in their
// contact lists.
//
// Trillian API: Groups.
type GroupsService struct {
	client *Client

	Peers *PeersService
}

// GroupType says what a group is bound to.
type GroupType int

// The documented group types.
const (
	GroupTypeStandard GroupType = 0
	GroupTypeLDAP     GroupType = 1 // bound to an LDAP object
)

// String returns "STANDARD", "LDAP" or the number.
func (t GroupType) String() string {
	switch t {
	case GroupTypeStandard:
		return "STANDARD"
	case GroupTypeLDAP:
		return "LDAP"
	}
	return strconv.Itoa(int(t))
}

// EncodeValues writes the number that the server reads, not the name.
func (t GroupType) EncodeValues(key string, v *url.Values) error {
	v.Set(key, strconv.Itoa(int(t)))
	return nil
}

// Group is a group as the server returns it.
type Group struct {
	ID          int              `xml:"id,attr" json:"id"`
	DisplayName string           `xml:"displayname" json:"displayName"`
	Name        string           `xml:"name" json:"name"`     // internal and unique, not shown to users
	Parent      int              `xml:"parent" json:"parent"` // the parent group's ID, 0 for none
	Peers       Collection[Peer] `xml:"peers" items:"peer" json:"peers,omitzero"`
	Policy      int              `xml:"policy" json:"policy"`     // the ID of the policy that binds the group's users
	Priority    int              `xml:"priority" json:"priority"` // resolves conflicts between a user's LDAP groups
	Type        GroupType        `xml:"type" json:"type"`

	Fields map[string]string `xml:",any" json:"fields,omitempty"` // what has no field here: see [User]
}

// GroupOptions says which sub-resources a response expands. A nil *GroupOptions
// expands none.
type GroupOptions struct {
	Peers bool `url:"peers,int,omitempty"`
}

// GroupCreate describes a new group. Name must be unique among the groups. A Parent
// of 0 is none; that a Policy of 0 is none too is inferred.
type GroupCreate struct {
	DisplayName string    `url:"displayname"`
	Name        string    `url:"name"`
	Parent      int       `url:"parent"`
	Policy      int       `url:"policy"`
	Priority    int       `url:"priority"`
	Type        GroupType `url:"type"`
}

// GroupUpdate describes changes to a group. Nil fields are not sent and, which is
// inferred, left alone: the reference says so of PATCH, and has POST here.
type GroupUpdate struct {
	DisplayName *string    `url:"displayname,omitempty"`
	Name        *string    `url:"name,omitempty"`
	Parent      *int       `url:"parent,omitempty"`
	Policy      *int       `url:"policy,omitempty"`
	Priority    *int       `url:"priority,omitempty"`
	Type        *GroupType `url:"type,omitempty"`
}

// List returns every group.
//
// Trillian API: GET /v1/groups/
func (s *GroupsService) List(ctx context.Context, opts *GroupOptions) ([]Group, error) {
	return list[Group](ctx, s.client, endpoint("Groups.List", "groups/").expand(opts), "group")
}

// All yields every group while the response arrives. An error comes last, once,
// with a zero Group.
//
// Trillian API: GET /v1/groups/
func (s *GroupsService) All(ctx context.Context, opts *GroupOptions) iter.Seq2[Group, error] {
	return stream[Group](ctx, s.client, endpoint("Groups.All", "groups/").expand(opts), "group")
}

// Get returns one group.
//
// Trillian API: GET /v1/groups/:group/
func (s *GroupsService) Get(ctx context.Context, group int, opts *GroupOptions) (*Group, error) {
	return get[Group](ctx, s.client, endpoint("Groups.Get", "groups/:group/", group).expand(opts), "group")
}

// Create makes a new group and returns it with the ID and the peers the server
// gave it.
//
// Trillian API: POST /v1/groups/
func (s *GroupsService) Create(ctx context.Context, group GroupCreate) (*Group, error) {
	return change[Group](ctx, s.client, http.MethodPost, endpoint("Groups.Create", "groups/").form(group), "group", nil)
}

// Update changes a group and returns it as it is then. It is the one update
// that the reference sends as POST.
//
// Trillian API: POST /v1/groups/:group/
func (s *GroupsService) Update(ctx context.Context, group int, update GroupUpdate) (*Group, error) {
	return change[Group](ctx, s.client, http.MethodPost, endpoint("Groups.Update", "groups/:group/", group).changes(update), "group", nil)
}

// Delete removes a group.
//
// Trillian API: DELETE /v1/groups/:group/
func (s *GroupsService) Delete(ctx context.Context, group int) error {
	return s.client.act(ctx, http.MethodDelete, endpoint("Groups.Delete", "groups/:group/", group))
}

// PeersService manages which groups see which: a user's contact list holds the
// users of the groups that are peers of the user's group.
//
// Trillian API: Group Peers.
type PeersService struct{ client *Client }

// Peer is a group that another group is peered with.
type Peer struct {
	ID int `xml:"id,attr" json:"id"`

	Fields map[string]string `xml:",any" json:"fields,omitempty"` // what has no field here: see [User]
}

// List returns every peer of a group.
//
// Trillian API: GET /v1/groups/:group/peers/
func (s *PeersService) List(ctx context.Context, group int) ([]Peer, error) {
	return list[Peer](ctx, s.client, endpoint("Groups.Peers.List", "groups/:group/peers/", group), "peers>peer")
}

// All yields every peer of a group while they arrive. An error comes last, once,
// with a zero Peer.
//
// Trillian API: GET /v1/groups/:group/peers/
func (s *PeersService) All(ctx context.Context, group int) iter.Seq2[Peer, error] {
	return stream[Peer](ctx, s.client, endpoint("Groups.Peers.All", "groups/:group/peers/", group), "peers>peer")
}

// Add makes peer a peer of group and returns it.
//
// Trillian API: POST /v1/groups/:group/peers/:peer/
func (s *PeersService) Add(ctx context.Context, group, peer int) (*Peer, error) {
	return change[Peer](ctx, s.client, http.MethodPost, endpoint("Groups.Peers.Add", "groups/:group/peers/:peer/", group, peer), "peer", nil)
}

// Remove ends the peering of peer with group.
//
// Trillian API: DELETE /v1/groups/:group/peers/:peer/
func (s *PeersService) Remove(ctx context.Context, group, peer int) error {
	return s.client.act(ctx, http.MethodDelete, endpoint("Groups.Peers.Remove", "groups/:group/peers/:peer/", group, peer))
}
