/* SPDX-License-Identifier: Apache-2.0 */
/* Key exchange as a job: it takes copies of all it needs, so any thread may run it while the machine goes on,
 * and the IKE SA may vanish meanwhile. Its generator is seeded from the machine's, so a simulation repeats.
 */
#include "ike/machine.h"

#include <errno.h>
#include <stdlib.h>

bool job_start(struct ike *ike, uint64_t sa, uint64_t exchange, uint8_t group, const struct dh_keypair *own,
               struct bytes peer)
{
    struct ike_job *job = calloc(1, sizeof(*job));
    if (!job || peer.len > sizeof(job->peer_public)) {
        free(job);
        return false;
    }
    job->sa = sa;
    job->exchange = exchange;
    job->group = group;
    job->generate = own == NULL;
    job->derive = peer.len > 0;
    if (own)
        job->keypair = *own;
    job->peer_public_len = (uint16_t)peer.len;
    if (peer.len)
        memcpy(job->peer_public, peer.data, peer.len);
    rng_fill(&ike->rng, job->seed, sizeof(job->seed));
    ike->jobs++;
    action_add(ike, IKE_ACTION_START_JOB)->job = job;
    return true;
}

void ike_job_run(struct ike_job *job)
{
    struct rng rng;
    rng_init(&rng, job->seed);
    job->result = 0;
    if (job->generate)
        job->result = dh_generate(job->group, &rng, &job->keypair);
    if (job->result == 0 && job->derive)
        job->result =
            dh_shared(&job->keypair, bytes_of(job->peer_public, job->peer_public_len), &job->shared);
    rng_wipe(&rng);
}

void ike_job_free(struct ike_job *job)
{
    if (!job)
        return;
    wipe(job, sizeof(*job));
    free(job);
}
