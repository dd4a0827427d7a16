package trillian

import (
	"context"
	"iter"
	"net/http"
)

// PoliciesService manages policies, the rules that say what Trillian clients
// can and cannot do.
//
// Trillian API: Policies.
type PoliciesService struct{ client *Client }

// Policy is a named set of rules. Groups bind it to their users.
type Policy struct {
	ID   int        `xml:"id,attr" json:"id"`
	Name string     `xml:"name" json:"name"`
	Data PolicyData `xml:"data" json:"data"`

	Fields map[string]string `xml:",any" json:"fields,omitempty"` // what has no field here: see [User]
}

// PolicyCreate describes a new policy.
type PolicyCreate struct {
	Data PolicyData `url:"data"`
	Name string     `url:"name"`
}

// PolicyUpdate describes changes to a policy. Nil fields are left alone; Data
// replaces all items, so take the policy's own and edit it.
type PolicyUpdate struct {
	Data *PolicyData `url:"data,omitempty"`
	Name *string     `url:"name,omitempty"`
}

// List returns every policy.
//
// Trillian API: GET /v1/policies/
func (s *PoliciesService) List(ctx context.Context) ([]Policy, error) {
	return list[Policy](ctx, s.client, endpoint("Policies.List", "policies/"), "policy")
}

// All yields every policy while they arrive. An error comes last, once, with a zero
// Policy.
//
// Trillian API: GET /v1/policies/
func (s *PoliciesService) All(ctx context.Context) iter.Seq2[Policy, error] {
	return stream[Policy](ctx, s.client, endpoint("Policies.All", "policies/"), "policy")
}

// Get returns one policy.
//
// Trillian API: GET /v1/policies/:policy/
func (s *PoliciesService) Get(ctx context.Context, policy int) (*Policy, error) {
	return get[Policy](ctx, s.client, endpoint("Policies.Get", "policies/:policy/", policy), "policy")
}

// Create makes a new policy and returns it with the ID the server gave it.
//
// Trillian API: POST /v1/policies/
func (s *PoliciesService) Create(ctx context.Context, policy PolicyCreate) (*Policy, error) {
	if err := policy.Data.Valid(); err != nil {
		return nil, err
	}
	return change[Policy](ctx, s.client, http.MethodPost, endpoint("Policies.Create", "policies/").form(policy), "policy", nil)
}

// Update changes a policy and returns it as it is then.
//
// Trillian API: PATCH /v1/policies/:policy/
func (s *PoliciesService) Update(ctx context.Context, policy int, update PolicyUpdate) (*Policy, error) {
	if err := value(update.Data).Valid(); err != nil {
		return nil, err
	}
	return change[Policy](ctx, s.client, http.MethodPatch, endpoint("Policies.Update", "policies/:policy/", policy).changes(update), "policy", nil)
}

// Delete removes a policy.
//
// Trillian API: DELETE /v1/policies/:policy/
func (s *PoliciesService) Delete(ctx context.Context, policy int) error {
	return s.client.act(ctx, http.MethodDelete, endpoint("Policies.Delete", "policies/:policy/", policy))
}
