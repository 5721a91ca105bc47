// What a message between two ranks costs.
#pragma once

#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// A message of n bytes takes latency_s + n byte_s; further ones of the same superstep further_message_s each.
struct MessageTiming {
  double latency_s = 2e-6;          ///< usual for the networks of clusters
  double byte_s = 1e-9;             ///< 1 GB/s: a rank's part of a node's link
  double further_message_s = 5e-7;  ///< two million messages a second
  bool measured = false;            ///< false on one rank: the values above
};

/// **Collective:** ping-pong between ranks 0 and 1 through the program's own exchange of cut edges (packing included),
/// one value and 64 Ki values long; further messages by rank 0 sending sixteen at once. The others wait.
MessageTiming time_messages(const Communicator& comm);

}  // namespace dpl
