#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# In the namespace of a gateway: none of its ISAKMP messages leaves any more, or all do (heal).
set -e
if [ "$1" = heal ]; then
    nft delete table inet lab_mute
    exit 0
fi
nft add table inet lab_mute
nft add chain inet lab_mute out '{ type filter hook output priority 500; policy accept; }'
nft add rule inet lab_mute out udp sport 500 drop
