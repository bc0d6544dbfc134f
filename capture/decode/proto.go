package decode

// proto names what stands at a cursor: a header that can be read on (below
// firstLeaf), or what ended the walk.
type proto uint8

const (
	ethernet proto = iota
	vlan
	vntag
	fabricPath
	llc
	sll
	sll2
	null
	ppp
	pppoe
	chdlc
	arcnet
	arcnetLinux
	fddi
	ppi
	radiotap
	prism
	avs
	wifi
	nflog
	netlink
	mpls
	ip
	hopByHop
	extension
	routing
	authentication
	fragmented4 // an IPv4 fragment's header has been read
	fragmentHeader
	fragmented6 // an IPv6 Fragment header has been read
	udp
	gre
	erspan
	etherIP
	vxlan
	vxlanGPE
	geneve
	gtp
	l2tp
	tcp

	firstLeaf // the order from here on is the order of Counts
)

// The ends of a walk. Where a header is cut short, the name with Truncated
// means that the snaplen did it, and follows the one that blames the sender.
const (
	segment proto = firstLeaf + iota
	counted       // a fragment: the defragmenter counts those
	odd           // a number without a name: see oddity

	plainUDP
	icmp
	icmpv6
	igmp
	sctp
	esp
	noNext
	arp
	lldp
	notIPLLC
	pppoeDiscovery
	wifiManagement
	wifiControl
	wifiNull
	wifiProtected
	wifiFragment
	gtpControl
	l2tpControl
	netlinkOther
	tooDeep
	linkMalformed
	linkTruncated
	tunnelMalformed
	tunnelTruncated
	ipMalformed
	ipTruncated
	tcpMalformed
	tcpTruncated

	numProtos
)

var names = [numProtos]string{
	plainUDP:        "udp",
	icmp:            "icmp",
	icmpv6:          "icmpv6",
	igmp:            "igmp",
	sctp:            "sctp",
	esp:             "esp",
	noNext:          "ipv6.no_next",
	arp:             "arp",
	lldp:            "lldp",
	notIPLLC:        "llc",
	pppoeDiscovery:  "pppoe.discovery",
	wifiManagement:  "802.11.management",
	wifiControl:     "802.11.control",
	wifiNull:        "802.11.null",
	wifiProtected:   "802.11.protected",
	wifiFragment:    "802.11.fragment",
	gtpControl:      "gtp.control",
	l2tpControl:     "l2tp.control",
	netlinkOther:    "netlink",
	tooDeep:         "nesting",
	linkMalformed:   "link.malformed",
	linkTruncated:   "link.truncated",
	tunnelMalformed: "tunnel.malformed",
	tunnelTruncated: "tunnel.truncated",
	ipMalformed:     "ip.malformed",
	ipTruncated:     "ip.truncated",
	tcpMalformed:    "tcp.malformed",
	tcpTruncated:    "tcp.truncated",
}
