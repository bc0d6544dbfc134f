package flow

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

func key(t *testing.T, a, b string, vni uint32) (Key, bool) {
	t.Helper()
	x, y := netip.MustParseAddrPort(a), netip.MustParseAddrPort(b)
	if x.Addr().Is4() {
		return MakeKey4(x.Addr().AsSlice(), y.Addr().AsSlice(), x.Port(), y.Port(), vni)
	}
	return MakeKey6(x.Addr().AsSlice(), y.Addr().AsSlice(), x.Port(), y.Port(), vni)
}

var pairs = [][2]string{
	{"10.0.0.1:80", "10.0.0.2:1"}, {"10.0.0.1:80", "10.0.0.1:81"}, {"9.255.255.255:65535", "10.0.0.0:0"},
	{"0.0.0.0:0", "255.255.255.255:65535"}, {"[::]:0", "[::1]:0"}, {"[2001:db8::1]:1", "[2001:db8::1]:2"},
	{"[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.2]:80"}, {"[fe80::1]:9", "[fe80:0:0:1::]:1"}, {"[1::ffff]:1", "[2::]:1"},
}

// TestKey: both directions have one key, whose ends are those given, in order.
func TestKey(t *testing.T) {
	for _, p := range pairs {
		k, swapped := key(t, p[0], p[1], 7)
		back, swappedBack := key(t, p[1], p[0], 7)
		if k != back || swapped || !swappedBack {
			t.Errorf("%v: %v %v, back %v %v", p, k, swapped, back, swappedBack)
		}
		if k.Lo().String() != p[0] || k.Hi().String() != p[1] || k.VNI() != 7 {
			t.Errorf("%v: %v, %v, %d", p, k.Lo(), k.Hi(), k.VNI())
		}
		if k.LoPort() != k.Lo().Port() || k.HiPort() != k.Hi().Port() {
			t.Errorf("%v: ports %d, %d", p, k.LoPort(), k.HiPort())
		}
	}
}

// TestKeysDiffer: what is another flow has another key.
func TestKeysDiffer(t *testing.T) {
	base, _ := key(t, "10.0.0.1:80", "10.0.0.2:81", 0)
	for name, p := range map[string]struct {
		a, b string
		vni  uint32
	}{
		"port":            {"10.0.0.1:82", "10.0.0.2:81", 0},
		"exchanged ports": {"10.0.0.1:81", "10.0.0.2:80", 0},
		"address":         {"10.0.0.1:80", "10.0.0.3:81", 0},
		"network":         {"10.0.0.1:80", "10.0.0.2:81", 1},
		"family":          {"[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.2]:81", 0},
	} {
		if k, _ := key(t, p.a, p.b, p.vni); k == base {
			t.Errorf("another %s, and the same key", name)
		}
	}
}

// TestShardsAreFixed pins the shard of a flow, on which the order of evictions
// depends, and with it the output: it may not change from run to run.
func TestShardsAreFixed(t *testing.T) {
	var got []int
	for _, p := range pairs {
		k, _ := key(t, p[0], p[1], 0)
		got = append(got, k.Shard())
	}
	want := []int{12, 57, 33, 35, 54, 44, 61, 38, 53}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("shards %v, want %v", got, want)
		}
	}
}

// TestShardsAreEven: consecutive clients and ports, as they occur, spread.
func TestShardsAreEven(t *testing.T) {
	var n [NumShards]int
	const total = 64 << 10
	for i := range total {
		k, _ := MakeKey4([]byte{10, 0, byte(i >> 14), byte(i >> 6)}, []byte{192, 0, 2, 1}, uint16(1024+i%64), 80, 0)
		n[k.Shard()]++
	}
	for s, c := range n {
		if c < total/NumShards/2 || c > total/NumShards*2 {
			t.Errorf("shard %d has %d of %d flows", s, c, total)
		}
	}
}

// TestSeeds: keys that collide under one seed do not under another.
func TestSeeds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const bits = 1<<10 - 1
	first, _ := key(t, "10.0.0.1:80", "10.0.0.2:81", 0)
	together, still := 0, 0
	for range 1 << 17 {
		k, _ := MakeKey4([]byte{10, byte(r.Uint32()), byte(r.Uint32()), 1}, []byte{192, 0, 2, 1}, uint16(r.Uint32()), 80, 0)
		if k.Hash(1)&bits == first.Hash(1)&bits {
			together++
			if k.Hash(2)&bits == first.Hash(2)&bits {
				still++
			}
		}
	}
	if together < 50 || still*20 > together {
		t.Errorf("%d keys collide, %d of them under another seed too", together, still)
	}
}

// TestAimed: no difference between two keys makes them collide under every
// seed. Differences in a few high bits are those that a multiplication spreads
// least.
func TestAimed(t *testing.T) {
	diffs := []uint64{1 << 63, 1<<63 | 1<<31, 1 << 62, 3 << 62, 1 << 31, 0xff << 56, 1}
	for _, a := range diffs {
		for _, b := range diffs {
			collide := 0
			for seed := range uint64(64) {
				x := Key{lo1: 1, lo2: 2, hi1: 3, hi2: 4, ports: 5}
				y, z := x, x
				y.lo1, y.lo2 = y.lo1^a, y.lo2^b
				z.lo2, z.hi1 = z.lo2^a, z.hi1^b
				s := (seed + 1) * salt1
				if h := x.Hash(s); h == y.Hash(s) || h == z.Hash(s) {
					collide++
				}
			}
			if collide > 0 {
				t.Errorf("differences %x, %x: collide under %d of 64 seeds", a, b, collide)
			}
		}
	}
}

func BenchmarkHash(b *testing.B) {
	k, _ := MakeKey4([]byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}, 80, 81, 0)
	n := uint64(0)
	for b.Loop() {
		n += k.Hash(n)
	}
	_ = n
}

func TestDir(t *testing.T) {
	if ClientToServer.Reverse() != ServerToClient || ServerToClient.Reverse() != ClientToServer {
		t.Error("Reverse")
	}
	if ClientToServer.String() != "client" || ServerToClient.String() != "server" {
		t.Error("String")
	}
}

func BenchmarkMakeKey4(b *testing.B) {
	src, dst := []byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}
	n := 0
	for b.Loop() {
		k, _ := MakeKey4(src, dst, 80, 81, 0)
		n += k.Shard()
	}
	_ = n
}
