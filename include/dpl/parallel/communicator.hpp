// MPI behind one small type, and `agree`, which makes one rank's failure everyone's.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dpl/base/error.hpp"

namespace dpl {

/// Starts and ends MPI and PETSc-free process state; exactly one in main (and in each parallel test's main).
class MpiSession {
 public:
  MpiSession(int* argc, char*** argv);
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
};

class Exchange;

/// **Local:** whether this thread is the one that may call MPI.
bool on_main_thread();

/// A communicator with the few operations the program needs. Copies share the MPI communicator.
class Communicator {
 public:
  explicit Communicator(MPI_Comm comm = MPI_COMM_WORLD);
  int rank() const { return rank_; }
  int size() const { return size_; }
  bool is_root() const { return rank_ == 0; }
  MPI_Comm mpi() const { return comm_; }

  /// **Collective:** the ranks that give the same `color` (not negative) become a communicator of their own, in the
  /// order of their ranks here. It is freed with its last copy.
  Communicator split(int color) const;
  /// **Collective:** the ranks that share memory with this one (a node's), in the order of their ranks here.
  Communicator of_node() const;

  /// How weight gradients go between the ranks (gradient_reducer.hpp); empty: by MPI. Copies take it along, parts do not.
  const std::shared_ptr<Exchange>& exchange() const { return exchange_; }
  void use_exchange(std::shared_ptr<Exchange> exchange) { exchange_ = std::move(exchange); }

  /// **Local:** lets messages that were begun move on; long ones move only inside calls of MPI.
  void move_messages() const;

  /// **Collective:** all of these.
  void barrier() const;
  double max(double value) const;
  std::int64_t max(std::int64_t value) const;
  std::int64_t sum(std::int64_t value) const;
  void max(std::span<double> values) const;               ///< element by element, in place
  void sum(std::span<std::int64_t> values) const;         ///< exact, any order
  /// Adds arrays in which every element is non-zero on at most one rank: exact, used to gather owned values.
  void gather_owned(std::span<double> values) const;
  void broadcast(std::span<double> values, int root = 0) const;
  void broadcast(std::span<std::int64_t> values, int root = 0) const;
  std::string broadcast(std::string text, int root = 0) const;
  bool any(bool value) const;
  bool all_equal(std::uint64_t value) const;              ///< true when all ranks hold the same value

 private:
  MPI_Comm comm_;
  Communicator part(MPI_Comm comm) const;
  std::shared_ptr<void> owned_;  // frees comm_ where split made it
  std::shared_ptr<Exchange> exchange_;
  int rank_ = 0;
  int size_ = 1;
};

/// An Error that all ranks of a communicator throw together: none of them is left behind in a collective.
class AgreedError : public Error {
 public:
  using Error::Error;
};

/// **Collective:** runs `body` on every rank; when it throws on any, every rank throws AgreedError with the message of
/// the lowest failing rank. `body` must hold no collective call. `phase` goes before messages that are not dpl::Error.
void agree(const Communicator& comm, const char* phase, const std::function<void()>& body);

/// **Collective:** the second half of `agree`: returns where no rank failed, else every rank throws AgreedError with
/// the message of the lowest rank that did.
void agree_on_failure(const Communicator& comm, bool failed, const std::string& message);

/// **Collective:** runs `body` on rank 0 alone under the same promise.
void agree_on_root(const Communicator& comm, const char* phase, const std::function<void()>& body);

}  // namespace dpl
