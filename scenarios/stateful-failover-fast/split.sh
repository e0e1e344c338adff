#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# In the namespace of a gateway: nothing that another gateway sends is heard any more (split ADDRESS...), or all is (heal).
set -e
if [ "$1" = heal ]; then
    nft delete table inet lab_split
    exit 0
fi
nft add table inet lab_split
nft add chain inet lab_split in '{ type filter hook prerouting priority -500; policy accept; }'
for address; do nft add rule inet lab_split in ip saddr "$address" drop; done
