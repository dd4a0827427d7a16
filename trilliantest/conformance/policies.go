package conformance

import (
	"slices"

	"github.com/trillian-go/trillian"
)

const newPolicy trillian.PolicyData = "trillian.history.cloud 0\ntrillian.plugin.xmpp 0\n"

func (s *session) readPolicies() {
	list := s.on("Get all policies")
	policies, err := s.client.Policies.List(s.ctx)
	if list.succeeds(err) && len(policies) > 0 {
		s.seen.policy = policies[0].ID
		s.checkPolicy(policies[0])
	}
}

func (s *session) checkPolicy(want trillian.Policy) {
	get := s.on("Get a single policy")
	policy, err := s.client.Policies.Get(s.ctx, want.ID)
	if get.succeeds(err) {
		same(get, "it is the policy that was asked for", policy.ID, want.ID)
		same(get, "its name is the known one", policy.Name, want.Name)
		same(get, "its data is the known one", policy.Data, want.Data)
	}
	list := s.on("Get all policies")
	policies, err := s.client.Policies.List(s.ctx)
	if list.succeeds(err) {
		list.holds(contains(policies, want), "a known policy is listed as it is", "policy %d is not", want.ID)
	}
}

func (s *session) createPolicy() {
	create := s.on("Create a policy")
	policy, err := s.client.Policies.Create(s.ctx, trillian.PolicyCreate{Name: s.marker, Data: newPolicy})
	if !create.succeeds(err) {
		return
	}
	s.own.policy = policy.ID
	create.holds(policy.ID > 0, "the new policy has an id", "it is %d", policy.ID)
	same(create, "name is that of the request", policy.Name, s.marker)
	same(create, "data is that of the request", policy.Data, newPolicy)
	s.checkPolicy(*policy)
}

func (s *session) updatePolicy() {
	if s.own.policy == 0 {
		return
	}
	update := s.on("Update a policy")
	policy, err := s.client.Policies.Update(s.ctx, s.own.policy, trillian.PolicyUpdate{Name: new(s.marker + " renamed")})
	if update.succeeds(err) {
		same(update, "name is that of the request", policy.Name, s.marker+" renamed")
		same(update, "data, not given, stays", policy.Data, newPolicy)
		s.checkPolicy(*policy)
	}
	data := newPolicy.With("trillian.history.cloud", "1")
	policy, err = s.post.Policies.Update(s.ctx, s.own.policy, trillian.PolicyUpdate{Data: &data})
	if update.succeedsAs("POST", err) {
		same(update, "data is that of the request", policy.Data, data)
		same(update, "name, not given, stays", policy.Name, s.marker+" renamed")
		s.checkPolicy(*policy)
	}
}

func (s *session) deletePolicy() {
	if s.own.policy == 0 {
		return
	}
	remove := s.on("Delete a policy")
	if !remove.succeeds(s.client.Policies.Delete(s.ctx, s.own.policy)) {
		return
	}
	_, err := s.client.Policies.Get(s.ctx, s.own.policy)
	remove.refuses(err, 404, "a deleted policy is gone")
	policies, err := s.client.Policies.List(s.ctx)
	if s.on("Get all policies").succeeds(err) {
		gone := !slices.ContainsFunc(policies, func(p trillian.Policy) bool { return p.ID == s.own.policy })
		remove.holds(gone, "a deleted policy is not listed", "policy %d is", s.own.policy)
	}
	s.own.policy = 0
}
