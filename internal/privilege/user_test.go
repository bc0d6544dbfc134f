package privilege

import (
	"errors"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// env is an environment for getenv.
type env map[string]string

func (e env) get(name string) string { return e[name] }

func TestTarget(t *testing.T) {
	root, setuid, plain := process{0, 0}, process{1234567, 0}, process{1234567, 1234567}
	sudo := env{"SUDO_UID": "1234567", "SUDO_GID": "7654321"}
	him := "1234567:7654321"
	for name, c := range map[string]struct {
		process process
		flag    string
		env     env
		want    string // "" to stay
	}{
		"root":                    {root, "", env{}, ""},
		"sudo":                    {root, "", sudo, him},
		"sudo by root":            {root, "", env{"SUDO_UID": "0", "SUDO_GID": "0"}, ""},
		"stay root":               {root, "root", sudo, ""},
		"stay root, by number":    {root, "0:0", sudo, ""},
		"numbers":                 {root, "5000001:5000002", sudo, "5000001:5000002"},
		"flag before bad sudo":    {root, "5000001:5000002", env{"SUDO_UID": "x"}, "5000001:5000002"},
		"setuid":                  {setuid, "", env{}, "1234567"},
		"setuid, hostile sudo":    {setuid, "", env{"SUDO_UID": "0", "SUDO_GID": "0"}, "1234567"},
		"setuid, oneself":         {setuid, "1234567:1", env{}, "1234567"},
		"not root":                {plain, "", sudo, ""},
		"not root, oneself":       {plain, "1234567:1", sudo, ""},
		"the largest that exists": {root, "4294967294:4294967294", env{}, "4294967294:4294967294"},
	} {
		t.Run(name, func(t *testing.T) {
			u, drop, err := c.process.target(c.flag, c.env.get)
			if err != nil {
				t.Fatal(err)
			}
			got := strconv.Itoa(u.UID)
			if strings.Contains(c.want, ":") {
				got += ":" + strconv.Itoa(u.GID)
			}
			if !drop {
				got = ""
			}
			if got != c.want {
				t.Errorf("becomes %q, want %q", got, c.want)
			}
			if drop && len(u.Groups) != 0 {
				t.Errorf("a user of whom nothing is known has the groups %v", u.Groups)
			}
		})
	}
}

// TestTargetRefuses: a mistake must not leave root to be root, nor name the number
// that means "no change".
func TestTargetRefuses(t *testing.T) {
	root, setuid, plain := process{0, 0}, process{1234567, 0}, process{1234567, 1234567}
	type testCase struct {
		process process
		flag    string
		env     env
		want    string
	}
	cases := []testCase{
		{root, "no-such-user", env{}, "-Z no-such-user: no such user"},
		{root, "5000001", env{}, "say UID:GID"},
		{root, "5000001:", env{}, "group"},
		{root, "5000001:x", env{}, "group"},
		{root, "-1:-1", env{}, "no such user"},
		{root, "4294967295:1", env{}, "no such user"},
		{root, "1:4294967295", env{}, "group"},
		{setuid, "root", env{}, "only root can"},
		{plain, "root", env{}, "only root can"},
		{plain, "no-such-user", env{}, "no such user"},
		{root, "", env{"SUDO_UID": "1000"}, `SUDO_GID=""`},
	}
	for _, bad := range []string{"x", "-1", "+1", " 1", "1 ", "0x10", "4294967295", "4294967296", "18446744073709551616", "1000\n0", "1:1", "٣"} {
		cases = append(cases, testCase{root, "", env{"SUDO_UID": bad, "SUDO_GID": "1"}, "SUDO_UID"},
			testCase{root, "", env{"SUDO_UID": "1", "SUDO_GID": bad}, "SUDO_GID"})
	}
	for _, c := range cases {
		u, drop, err := c.process.target(c.flag, c.env.get)
		if err == nil || !strings.Contains(err.Error(), c.want) || drop {
			t.Errorf("%+v -Z %q %v: becomes %v %v, error %v, want one with %q", c.process, c.flag, c.env, u, drop, err, c.want)
		}
	}
}

// TestFind: users of this system come with their groups, by name and by number.
func TestFind(t *testing.T) {
	want, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	for _, name := range []string{"nobody", want.Uid} {
		u, err := find(name)
		if err != nil || strconv.Itoa(u.UID) != want.Uid || strconv.Itoa(u.GID) != want.Gid || u.Name != "nobody" {
			t.Errorf("%s is %+v, %v, want %+v", name, u, err, want)
		}
		if !slices.Contains(u.Groups, u.GID) {
			t.Errorf("%s has the groups %v, want its own among them", name, u.Groups)
		}
	}
	if _, err := find("no:such"); !errors.Is(err, errNoUser) {
		t.Errorf("error %v", err)
	}
}

// FuzzTarget: whatever the environment says, root becomes a user that it could
// become, or is told of the mistake.
func FuzzTarget(f *testing.F) {
	f.Add("", "1000", "1000")
	f.Add("root", "", "")
	f.Add("1:1", "x", "-1")
	f.Fuzz(func(t *testing.T, name, uid, gid string) {
		u, drop, err := process{0, 0}.target(name, env{"SUDO_UID": uid, "SUDO_GID": gid}.get)
		if drop && (err != nil || u.UID <= 0 || u.GID < 0 || int64(u.UID) >= 1<<32-1 || int64(u.GID) >= 1<<32-1) {
			t.Errorf("becomes %+v, %v", u, err)
		}
		if !drop && err == nil && name == "" && uid != "" && strings.Trim(uid, "0") != "" {
			t.Errorf("stays root in spite of SUDO_UID=%q", uid)
		}
	})
}

func TestTargetOfThisProcess(t *testing.T) {
	_, drop, err := Target("", env{}.get)
	if err != nil || drop != (os.Getuid() != os.Geteuid()) {
		t.Errorf("becomes another user: %v, %v", drop, err)
	}
}
