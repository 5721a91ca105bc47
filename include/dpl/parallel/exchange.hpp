// Reductions over ranks that run while the caller goes on: through MPI, or through NCCL between GPUs.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace dpl {

class Communicator;

/// The element-wise reductions that exact adding needs (docs/architecture.md, "Exact adding"): largest of doubles, sum
/// of 64-bit integers. Both are exact in any order, so that every implementation gives the same bits.
class Exchange {
 public:
  /// A reduction that was begun.
  class Pending {
   public:
    virtual ~Pending() = default;
    /// **Collective:** returns when the values are those of all ranks. Throws Error naming the call that failed.
    virtual void wait() = 0;
  };

  virtual ~Exchange() = default;
  virtual std::string name() const = 0;
  /// **Collective**, in one order on all ranks, and on the process's main thread: begins to reduce `values` in place.
  /// They must stay where they are until wait(): a pending reduction that is never waited for needs them for ever.
  virtual std::unique_ptr<Pending> begin_max(std::span<double> values) = 0;
  virtual std::unique_ptr<Pending> begin_sum(std::span<std::int64_t> values) = 0;
  /// **Collective:** the same for a part of the communicator (Communicator::split); nothing where MPI is to serve it.
  virtual std::shared_ptr<Exchange> of_part(const Communicator& part) const = 0;
};

/// **Local:** by MPI_Iallreduce on the communicator.
std::shared_ptr<Exchange> make_mpi_exchange(const Communicator& comm);

/// **Collective:** by NCCL on a stream of its own, on each rank's current GPU. Throws AgreedError where two ranks have
/// the same GPU (NCCL would wait for ever), where a call of NCCL or CUDA fails on any rank, and in a program that was
/// built without CUDA.
std::shared_ptr<Exchange> make_nccl_exchange(const Communicator& comm);

}  // namespace dpl
