package trilliantest

import (
	"encoding/base64"
	"net/http"
	"strconv"

	"github.com/trillian-go/trillian"
)

type policy struct {
	id   int
	name string
	data string // decoded
}

func listPolicies(st *state, _ *call) (*answer, error) {
	return respond(http.StatusOK, func(x *xmlWriter) {
		for _, p := range st.policies.items() {
			writePolicy(x, p, "")
		}
	})
}

func getPolicy(_ *state, _ *call, own *policy) (*answer, error) {
	return respond(http.StatusOK, func(x *xmlWriter) { writePolicy(x, own, "") })
}

func createPolicy(st *state, c *call) (*answer, error) {
	p := c.params()
	name := p.required("name")
	if !p.values.Has("data") {
		p.fail("data is missing")
	}
	var data string
	p.base64("data", &data)
	if p.err != nil {
		return nil, p.err
	}
	own := st.addPolicy(trillian.Policy{Name: name, Data: trillian.PolicyData(data)})
	return respond(http.StatusCreated, func(x *xmlWriter) { writePolicy(x, own, " ") })
}

func updatePolicy(_ *state, c *call, own *policy) (*answer, error) {
	p := c.params()
	next := *own
	p.name("name", &next.name)
	p.base64("data", &next.data)
	if p.change(); p.err != nil {
		return nil, p.err
	}
	*own = next
	return respond(http.StatusOK, func(x *xmlWriter) { writePolicy(x, own, " ") })
}

func deletePolicy(st *state, _ *call, own *policy) (*answer, error) {
	for id, g := range st.groups.items() {
		if g.policy == own.id {
			return nil, cannot("policy %d is bound to group %d", own.id, id)
		}
	}
	st.policies.remove(own.id)
	return noContent()
}

// writePolicy puts around the Base64 what the reference's sample has there: a
// space where the policy has just been written, nothing where it is read.
func writePolicy(x *xmlWriter, p *policy, around string) {
	data := base64.StdEncoding.EncodeToString([]byte(p.data))
	if data != "" {
		data = around + data + around
	}
	x.begin("policy", "id", strconv.Itoa(p.id))
	x.text("data", data)
	x.text("name", p.name)
	x.end()
}
