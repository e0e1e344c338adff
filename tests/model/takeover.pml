/* SPDX-License-Identifier: Apache-2.0 */
/* Leases, epochs and takeovers of one pair of SAs between MEMBERS members, for spin. README.md says what stands for
 * what in the code, and how it is run.
 *
 * Between two members there is an ordered channel each way, which is cut (what is under way is lost) and comes back
 * at any moment. The election flips as it likes: any number of members may believe themselves owner at once. A member
 * may lose everything at any moment and begin anew. Each step is one event of one member.
 *
 * Checked: no number is sent twice, and no member takes over twice in one epoch, for member and epoch are the space of
 * its IVs. (A life that is lost may have gone through epochs that nobody heard
 * of: there the random part of the IV is what keeps the next life apart.)
 *
 *   -DMEMBERS=3      three members
 *   -DNO_WAIT        bug: a ceiling rises when it is told
 *   -DNO_EPOCH       bug: a takeover does not raise the epoch
 *   -DTRUST_OWNER    bug: the acknowledgement of one that owns the pair counts
 *   -DTRUST_EMPTY    bug: one that lost everything is granted numbers that it may have used
 *   -DNO_EXHAUST     bug: who handed over goes on using numbers
 */
#ifndef MEMBERS
#define MEMBERS 2
#endif
#ifndef LAST
#define LAST 4 /* numbers of the pair: 0 .. LAST-1; as a ceiling: none */
#endif
#define SPACES 5
#define NOTHING 255

mtype = { GRANT, ACK, MERGE, OWNER, STALE, STANDBY, EMPTY };

typedef member {
    bool has;     /* the pair */
    bool owner;   /* sends */
    bool stale;   /* owned it, and has not handed over */
    bool capped;  /* the ceiling may not rise */
    bool final;   /* and never will */
    byte next;    /* lowest number that it would use */
    byte ceiling; /* first that it does not use */
    byte told;    /* a grant under way */
    byte epoch;   /* highest known */
    byte owned;   /* the last in which it owned */
};
member m[MEMBERS];
chan pipe[MEMBERS * MEMBERS] = [2] of { mtype, byte, byte }; /* [i * MEMBERS + j]: towards i, from j */
bool up[MEMBERS * MEMBERS];
bool met[MEMBERS * MEMBERS]; /* i has heard j's first word */
bool sent[LAST];
byte life[MEMBERS];

#define TO(i, j)  pipe[(i) * MEMBERS + (j)]
#define UP(i, j)  up[(i) * MEMBERS + (j)]
#define MET(i, j) met[(i) * MEMBERS + (j)]

byte i, j, y, z;
mtype x;

inline cap(p)
{
    m[p].told = NOTHING;
    m[p].capped = m[p].capped || m[p].ceiling < LAST
}

inline cut(p, q)
{
    UP(p, q) = false;
    UP(q, p) = false;
    do
    :: nempty(TO(p, q)) -> TO(p, q) ? _, _, _
    :: nempty(TO(q, p)) -> TO(q, p) ? _, _, _
    :: empty(TO(p, q)) && empty(TO(q, p)) -> break
    od;
    cap(p);
    cap(q)
}

/* p tells q its role; a channel that is full is cut. */
inline tell(p, q)
{
    if
    :: !UP(p, q) -> skip
    :: UP(p, q) && full(TO(q, p)) -> cut(p, q)
    :: UP(p, q) && nfull(TO(q, p)) ->
        if
        :: m[p].owner -> TO(q, p) ! OWNER, m[p].epoch, 0
        :: m[p].stale -> TO(q, p) ! STALE, m[p].epoch, 0
        :: !m[p].owner && !m[p].stale && m[p].has -> TO(q, p) ! STANDBY, m[p].epoch, 0
        :: !m[p].owner && !m[p].stale && !m[p].has -> TO(q, p) ! EMPTY, 0, 0
        fi
    fi
}

inline tell_all(p)
{
    z = 0;
    do
    :: z < MEMBERS && z != p -> tell(p, z); z++
    :: z < MEMBERS && z == p -> z++
    :: z == MEMBERS -> break
    od;
    z = 0
}

inline heard_of(p, e)
{
    m[p].epoch = (e > m[p].epoch -> e : m[p].epoch)
}

inline hears(p, q)
{
    if
    :: x == GRANT ->
        if
        :: !m[p].owner && !m[p].stale ->
            m[p].has = true;
            m[p].next = y;
            m[p].ceiling = LAST;
            m[p].capped = false;
            m[p].final = false;
            heard_of(p, z)
        :: else /* not for us; acknowledged like anything else */
        fi;
        if
        :: nfull(TO(q, p)) -> TO(q, p) ! ACK, y, 0
        :: full(TO(q, p)) -> cut(p, q)
        fi
    :: x == ACK ->
        if
        :: m[p].told == y ->
            m[p].told = NOTHING;
            m[p].ceiling = (m[p].capped -> m[p].ceiling : y)
        :: else
        fi
    :: x == MERGE -> /* y: the exact counter of one without a ceiling; z: its epoch */
        if
        :: m[p].owner && m[p].has && m[p].epoch + 1 < SPACES && z + 1 < SPACES ->
            heard_of(p, z);
            m[p].epoch++;
            m[p].owned = m[p].epoch;
            m[p].next = (y > m[p].next -> y : m[p].next);
            m[p].ceiling = LAST;
            m[p].capped = false;
            m[p].final = false;
            tell_all(p)
        :: else
        fi
    :: x == OWNER || x == STALE ->
        heard_of(p, y);
#ifndef TRUST_OWNER
        cap(p);
#endif
        MET(p, q) = true
    :: x == STANDBY ->
        heard_of(p, y);
        m[p].capped = (m[p].owner && !MET(p, q) && !m[p].final -> false : m[p].capped);
        MET(p, q) = true
    :: x == EMPTY ->
#ifdef TRUST_EMPTY
        m[p].capped = false;
#else
        m[p].final = m[p].final || m[p].capped;
#endif
        MET(p, q) = true
    fi
}

init
{
    atomic {
        do
        :: i < MEMBERS -> m[i].ceiling = LAST; m[i].told = NOTHING; life[i] = 1; i++
        :: i == MEMBERS -> break
        od;
        m[0].has = true;
        m[0].owner = true;
        m[0].epoch = 1;
        m[0].owned = 1;
        i = 0
    }
end:
    do
    :: atomic {
        select(i : 0 .. MEMBERS - 1);
        j = (i + 1) % MEMBERS;
#if MEMBERS > 2
        if
        :: j = (i + 1) % MEMBERS
        :: j = (i + 2) % MEMBERS
        fi;
#endif
        if
        :: !UP(i, j) -> printf("%d meets %d\n", i, j);
            UP(i, j) = true;
            UP(j, i) = true;
            MET(i, j) = false;
            MET(j, i) = false;
            tell(i, j);
            tell(j, i)
        :: UP(i, j) -> printf("%d cut %d\n", i, j); cut(i, j)
        :: nempty(TO(i, j)) -> TO(i, j) ? x, y, z; printf("%d hears %e %d %d of %d\n", i, x, y, z, j); hears(i, j)
        :: m[i].has && !m[i].owner && m[i].epoch + 1 < SPACES -> printf("%d takes over\n", i);
#ifndef NO_EPOCH
            m[i].epoch++;
#endif
            assert(m[i].epoch > m[i].owned);
            m[i].owned = m[i].epoch;
            m[i].owner = true;
            m[i].stale = false;
            tell_all(i)
        :: m[i].owner -> printf("%d loses\n", i);
            m[i].owner = false;
            m[i].stale = true;
            cap(i);
            tell_all(i)
        :: m[i].owner && m[i].next < m[i].ceiling && m[i].next < LAST -> printf("%d sends %d in epoch %d\n", i, m[i].next, m[i].epoch);
            assert(!sent[m[i].next]);
            sent[m[i].next] = true;
            m[i].next++;
        :: m[i].owner && UP(i, j) && MET(i, j) && !m[i].capped && m[i].told == NOTHING && nfull(TO(j, i)) &&
           m[i].next + 1 < LAST && m[i].next + 1 > (m[i].ceiling == LAST -> 0 : m[i].ceiling) -> printf("%d grants %d\n", i, m[i].next + 1);
            m[i].ceiling = (m[i].ceiling == LAST -> m[i].next + 1 : m[i].ceiling);
            m[i].told = m[i].next + 1;
#ifdef NO_WAIT
            m[i].ceiling = m[i].told;
#endif
            TO(j, i) ! GRANT, m[i].told, m[i].epoch
        :: m[i].stale && UP(i, j) && m[i].ceiling == LAST && nfull(TO(j, i)) -> printf("%d hands over %d\n", i, m[i].next);
            TO(j, i) ! MERGE, m[i].next, m[i].epoch;
#ifndef NO_EXHAUST
            m[i].ceiling = 0;
            m[i].capped = true;
            m[i].final = true
#endif
        :: m[i].has && life[i] < 3 -> printf("%d loses everything\n", i);
            y = 0;
            do
            :: y < MEMBERS && UP(i, y) -> cut(i, y); y++
            :: y < MEMBERS && !UP(i, y) -> y++
            :: y == MEMBERS -> break
            od;
            life[i]++;
            m[i].has = false;
            m[i].owner = false;
            m[i].stale = false;
            m[i].capped = false;
            m[i].final = false;
            m[i].next = 0;
            m[i].ceiling = LAST;
            m[i].told = NOTHING;
            m[i].epoch = 0;
            m[i].owned = 0

        fi;
        i = 0;
        j = 0;
        y = 0;
        z = 0;
        x = 0
       }
    od
}
