// Gradient with respect to the channel parameters of one reach.
#pragma once

namespace dpl {

template <class T>
struct ChannelAdjoint {
  T n, p, q;
};

}  // namespace dpl
