// Groups of ranks, dealt trainings, one progress line for all of them.
#include "dpl/experiments/basin_series_run.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <numeric>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/experiments/member_file.hpp"
#include "dpl/parallel/shared_counters.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

namespace fs = std::filesystem;

constexpr double kLook_s = 0.3;  // between two looks at what the other groups do
constexpr double kMillion = 1e6;

// On rank 0: the next member to take, members finished, place-days done in this run, whether all should stop.
enum Counter { next_member, finished_members, done_place_days, stop_all, counters };

std::string folder_of(const RunFolder& run, const SeriesMember& member) { return run.file("members/" + member.name); }

std::string list_text(const std::vector<std::string>& ids) { return fmt::format("{}\n", fmt::join(ids, "\n")); }

// The ordinary run that a member is: its lists lie in its folder, it can be repeated with train.
RunConfig config_of(const SeriesMember& member, const std::string& folder) {
  RunConfig config = member.config;
  const RunConfig neutral;
  config.basins = neutral.basins;
  config.scaling = neutral.scaling;
  config.parallel = neutral.parallel;
  config.resume.clear();
  config.test.baselines.clear();
  config.basins.train = folder + "/train.txt";
  if (member.held_out.empty()) return config;
  config.basins.holdout = folder + "/held_out.txt";
  if (!member.score_trained) config.basins.test = config.basins.holdout;
  return config;
}

/// The part of a series that one group of ranks does.
class SeriesGroup {
 public:
  SeriesGroup(const Communicator& all, const Communicator& group, const RunFolder& run,
              const std::vector<SeriesMember>& members, std::vector<std::size_t> order, std::size_t finished_before)
      : all_(all),
        group_(group),
        run_(run),
        members_(members),
        order_(std::move(order)),
        finished_before_(finished_before),
        counters_(all, Counter::counters),
        progress_("million place-days", std::max<Count>(1, static_cast<Count>(all_place_days() / kMillion)),
                  "place-days") {}

  /// Takes members until none is left. Returns the failure of this group's member, empty where there was none.
  std::string work() {
    std::string failure;
    while (failure.empty() && !stopping()) {
      const std::int64_t ticket = take();
      if (ticket >= static_cast<std::int64_t>(order_.size())) break;
      const SeriesMember& member = members_[order_[static_cast<std::size_t>(ticket)]];
      try {
        if (train(member) && group_.is_root()) counters_.add(finished_members, 1);
      } catch (const AgreedError& error) {
        failure = named(member, error);
      } catch (const Error& error) {  // on this rank perhaps: main sees to the others
        if (group_.size() > 1) throw Error(named(member, error));
        failure = named(member, error);
      }
    }
    const bool signalled = group_.any(stop_requested());  // the ranks of other groups may have no signal
    if ((signalled || !failure.empty()) && group_.is_root()) counters_.add(stop_all, 1);
    return failure;
  }

  /// **Collective** over all ranks, after work().
  bool all_finished() const {
    all_.barrier();
    return counters_.read(finished_members) == static_cast<std::int64_t>(order_.size());
  }

 private:
  using Clock = std::chrono::steady_clock;

  static std::string named(const SeriesMember& member, const std::exception& error) {
    return fmt::format("training {}: {}", member.name, error.what());
  }

  double all_place_days() const {
    double sum = 0;
    for (const std::size_t k : order_) sum += members_[k].place_days();
    return sum;
  }

  bool stopping() const { return group_.any(stop_requested() || (group_.is_root() && counters_.read(stop_all) > 0)); }

  std::int64_t take() const {
    std::int64_t ticket = group_.is_root() ? counters_.add(next_member, 1) : 0;
    group_.broadcast(std::span(&ticket, 1));
    return ticket;
  }

  RunFolder open_folder(const SeriesMember& member, const RunConfig& config) const {
    const std::string path = folder_of(run_, member);
    agree_on_root(group_, "run folder", [&] {
      std::error_code problem;
      fs::create_directories(path, problem);
      if (problem) fail("{}: cannot be made ({}); the run folder must be writable", path, problem.message());
    });
    RunFolder folder = RunFolder::open(group_, path);
    folder.write_text(group_, "config.yaml", resolved_yaml(config));
    folder.write_text(group_, "train.txt", list_text(member.train));
    if (!member.held_out.empty()) folder.write_text(group_, "held_out.txt", list_text(member.held_out));
    return folder;
  }

  // False where it was asked to stop.
  bool train(const SeriesMember& member) {
    const RunConfig config = config_of(member, folder_of(run_, member));
    RunFolder folder = open_folder(member, config);
    std::unique_ptr<LogDetour> detour;
    agree(group_, "log",
          [&] { detour = std::make_unique<LogDetour>(group_.is_root() ? folder.file("log.txt") : std::string()); });
    const std::string newest = newest_checkpoint(group_, folder.path());
    BasinTraining training(group_, config,
                           newest.empty() ? std::nullopt : std::optional(read_stored_training(group_, newest)));
    training.prepare();
    double counted = training.trainer().place_days();
    const auto watch = [&](Count, double place_days) { return look(*detour, place_days, counted); };
    if (training.run(folder, watch) == TrainingEnd::stopped_by_signal) return false;
    count(training.trainer().place_days(), counted);
    MemberResult result{training.trainer().update(), training.trainer().place_days(), 0, {}};
    result.scores = training.score(folder, ContestFiles::scores);
    agree_on_root(group_, "timing.csv",
                  [&] { result.rank_seconds = group_.size() * seconds_of_updates(folder.file("timing.csv")); });
    folder.write_text(group_, "member.json", member_text(member, result));
    return true;
  }

  void count(double place_days, double& counted) {
    if (group_.is_root()) counters_.add(done_place_days, static_cast<std::int64_t>(place_days - counted));
    counted = place_days;
  }

  // Before an update: adds this group's work to that of all, shows it, tells whether to stop.
  bool look(LogDetour& detour, double place_days, double& counted) {
    if (!group_.is_root() || std::chrono::duration<double>(Clock::now() - looked_).count() < kLook_s) return false;
    looked_ = Clock::now();
    count(place_days, counted);
    if (all_.is_root()) {
      const auto done = static_cast<double>(counters_.read(done_place_days));
      const auto finished = static_cast<std::size_t>(counters_.read(finished_members));
      detour.outside([&] {
        progress_.show(
            static_cast<Count>(done / kMillion), done,
            fmt::format("{} of {} trainings are done", finished_before_ + finished, finished_before_ + order_.size()));
      });
    }
    return counters_.read(stop_all) > 0;
  }

  const Communicator &all_, &group_;
  const RunFolder& run_;
  const std::vector<SeriesMember>& members_;
  std::vector<std::size_t> order_;  // of the members to do, longest first
  std::size_t finished_before_;
  SharedCounters counters_;
  Progress progress_;
  Clock::time_point looked_ = Clock::now();
};

std::vector<std::size_t> numbers_of_task(const ParallelConfig& parallel, std::size_t members) {
  std::vector<std::size_t> numbers;
  const auto tasks = static_cast<std::size_t>(parallel.tasks), task = static_cast<std::size_t>(parallel.task);
  for (std::size_t k = 0; k < members; ++k)
    if (task == 0 || k % tasks == task - 1) numbers.push_back(k);
  return numbers;
}

}  // namespace

double SeriesMember::place_days() const {
  const auto& experiment = config.experiment;
  const auto places = static_cast<Index>(train.size());
  const Index batch = experiment.batch_size == 0 ? places : std::min(places, experiment.batch_size);
  return static_cast<double>(batch) * experiment.rho_days * experiment.epochs * updates_of_epoch(experiment, places);
}

std::optional<std::vector<MemberResult>> run_series(const Communicator& comm, const RunFolder& folder,
                                                    const std::vector<SeriesMember>& members) {
  const ParallelConfig& parallel = members.front().config.parallel;
  const auto mine = numbers_of_task(parallel, members.size());
  std::vector<std::int64_t> finished(members.size(), 0);
  agree_on_root(comm, "trainings", [&] {
    for (const std::size_t k : mine) {
      const std::string path = folder_of(folder, members[k]) + "/member.json";
      if (!fs::exists(path)) continue;
      read_member(path, members[k]);
      finished[k] = 1;
    }
  });
  comm.broadcast(finished);
  std::vector<std::size_t> order;
  for (const std::size_t k : mine)
    if (finished[k] == 0) order.push_back(k);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return members[a].place_days() > members[b].place_days(); });
  const std::size_t before = mine.size() - order.size();
  if (before > 0) log_info("{} of {} trainings are finished and not done again", before, mine.size());
  const Communicator group =
      comm.split(comm.rank() / static_cast<int>(std::min<Index>(parallel.ranks_per_training, comm.size())));
  std::string failure;
  bool complete = false;
  {
    SeriesGroup work(comm, group, folder, members, order, before);
    failure = work.work();
    complete = work.all_finished();
  }
  agree_on_failure(comm, !failure.empty(), failure);
  if (!complete) return std::nullopt;
  std::vector<MemberResult> results;
  if (parallel.task > 0) return results;
  agree_on_root(comm, "trainings", [&] {
    for (const auto& member : members)
      results.push_back(read_member(folder_of(folder, member) + "/member.json", member));
  });
  return results;
}

namespace {

void print_series_plan(const std::vector<SeriesMember>& members, int ranks) {
  double place_days = 0;
  for (const auto& m : members) place_days += m.place_days();
  log_info("configuration is valid; nothing was computed");
  for (const auto& m : members)
    log_info(
        "{}: {} basins, {} held out, {} updates", m.name, m.train.size(), m.held_out.size(),
        Count{m.config.experiment.epochs} * updates_of_epoch(m.config.experiment, static_cast<Index>(m.train.size())));
  log_info("{} trainings, {:.3g} place-days, {} at a time", members.size(), place_days,
           (ranks + members.front().config.parallel.ranks_per_training - 1) /
               members.front().config.parallel.ranks_per_training);
}

}  // namespace

int run_series_verb(const VerbContext& context, const std::vector<SeriesMember>& members,
                    const std::function<void(const RunFolder&, const std::vector<MemberResult>&)>& write_tables) {
  const RunConfig& config = context.config;
  const Communicator& comm = context.comm;
  if (context.validate_only) {
    print_series_plan(members, comm.size());
    return 0;
  }
  RunFolder folder = config.resume.empty() ? RunFolder::create(comm, config.output.folder, config.name)
                                           : RunFolder::open(comm, config.resume);
  const Index task = config.parallel.task;
  if (task <= 1) folder.write_text(comm, "config.yaml", resolved_yaml(config));
  agree_on_root(comm, "log",
                [&] { add_log_file(folder.file(task == 0 ? "log.txt" : fmt::format("log_{}.txt", task))); });
  log_info("run folder: {}", folder.path());
  log_info("{} trainings, {} ranks, {} for each", members.size(), comm.size(), config.parallel.ranks_per_training);
  const auto results = run_series(comm, folder, members);
  if (!results) {
    log_info("stopped by a signal; continue with resume={}", folder.path());
    return kStoppedBySignal;
  }
  if (task > 0)
    log_info("task {} of {} is done; a run without parallel.task and with resume={} writes the tables", task,
             config.parallel.tasks, folder.path());
  else
    write_tables(folder, *results);
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
