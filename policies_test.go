package trillian_test

import (
	"context"
	"net/http"
	"net/url"

	"github.com/trillian-go/trillian"
)

func policyOperations() []operation {
	return []operation{
		{
			name: "list policies", method: http.MethodGet, path: "/v1/policies/", status: 200, answer: "policies-list",
			want: []trillian.Policy{{ID: 1, Name: "cerulean-inc.com", Data: policy1}, {ID: 2, Name: "IT", Data: policy2}},
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return c.Policies.List(ctx) },
		},
		{
			name: "get a policy", method: http.MethodGet, path: "/v1/policies/1/", status: 200, answer: "policies-get",
			want: &trillian.Policy{ID: 1, Name: "cerulean-inc.com", Data: policy1},
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return c.Policies.Get(ctx, 1) },
		},
		{
			name: "create a policy", method: http.MethodPost, path: "/v1/policies/", status: 201,
			form:   url.Values{"name": {"Marketing"}, "data": {policy1Base64}},
			answer: "policies-create", want: &trillian.Policy{ID: 3, Name: "Marketing", Data: policy1},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.Policies.Create(ctx, trillian.PolicyCreate{Name: "Marketing", Data: policy1})
			},
		},
		{
			name: "update a policy", method: http.MethodPatch, path: "/v1/policies/3/", status: 200,
			form:   url.Values{"name": {"Marketing and HR"}, "data": {""}},
			answer: "policies-update", want: &trillian.Policy{ID: 3, Name: "Marketing and HR", Data: policy1},
			call: func(ctx context.Context, c *trillian.Client) (any, error) {
				return c.Policies.Update(ctx, 3, trillian.PolicyUpdate{Name: new("Marketing and HR"), Data: new(trillian.PolicyData(""))})
			},
		},
		{
			name: "delete a policy", method: http.MethodDelete, path: "/v1/policies/3/", status: 204,
			call: func(ctx context.Context, c *trillian.Client) (any, error) { return nothing(c.Policies.Delete(ctx, 3)) },
		},
	}
}
